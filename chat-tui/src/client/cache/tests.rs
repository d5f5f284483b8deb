//! The local copy: what is put in comes out, once and in order, whatever happens to the file.
