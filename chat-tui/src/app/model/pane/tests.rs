//! What the pane does.
