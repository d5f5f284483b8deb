//! Programs on a terminal, from outside: the room of the terminal by itself, and what it leaves behind.

mod terminal;
