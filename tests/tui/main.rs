//! Programs on a terminal, from outside: the client as its users see it, and the room of the terminal by itself.

mod desk;
mod entrance;
mod hostile;
mod keys;
mod letters;
mod list;
mod opening;
mod reading;
mod room;
mod scripted;
mod switcher;
mod terminal;
mod writing;
