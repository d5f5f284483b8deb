//! Programs on a terminal, from outside: the client as its users see it, and the room of the terminal by itself.

mod desk;
mod opening;
mod room;
