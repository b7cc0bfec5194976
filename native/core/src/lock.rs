//! A lock on a folder, by the system's lock on a file in it: gone with the process, however it ends, and kept from
//! other handles of the same process too.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::error::{Error, Result};
use crate::files;

/// Held until dropped.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Locks the file at `path`, making it if need be. A lock held elsewhere is `ERR_SPOOL`, its text begins `locked`.
    pub fn acquire(path: &Path) -> Result<Self> {
        let file = files::open_or_create(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(Error::spool(format!(
                "locked: expected {} to be free, but it is held elsewhere; stop the other process or choose another spool \
                 folder",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path, &error)),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file, which follows, releases the lock as well.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = FolderLock::acquire(&path).unwrap();
        let refused = FolderLock::acquire(&path).unwrap_err();
        assert_eq!(refused.code, Code::Spool);
        assert!(refused.text.starts_with("locked"), "{refused}");
        drop(held);
        FolderLock::acquire(&path).unwrap();
        assert_eq!(FolderLock::acquire(Path::new("/nowhere/lock")).unwrap_err().code, Code::Spool);
    }
}
