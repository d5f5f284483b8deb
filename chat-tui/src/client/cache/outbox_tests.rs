//! The outbox on the disk: letters and drafts survive what happens to processes and files.
