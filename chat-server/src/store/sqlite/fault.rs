//! What an error of SQLite means for the caller: the disk is to blame, or we are.

use crate::store::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(
                Code::DiskFull
                | Code::SystemIoFailure
                | Code::ReadOnly
                | Code::CannotOpen
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::FileLockingProtocolFailed
                | Code::OutOfMemory
                | Code::PermissionDenied
                | Code::NoLargeFileSupport,
            ) => Self::Unavailable(error.to_string()),
            _ => Self::Internal(error.to_string()),
        }
    }
}
