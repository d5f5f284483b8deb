//! Pictures of the pane.
