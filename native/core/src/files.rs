//! The files of a chunk and what differs between systems: modes, syncing a folder, renaming under a virus scanner.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Names of a chunk's files: its number in six digits, more when needed.
#[derive(Debug, Clone)]
pub struct ChunkFiles {
    /// Where they are.
    pub folder: PathBuf,
    /// Frames, and in the end the index: a shard in the making.
    pub part: PathBuf,
    /// The journal.
    pub open: PathBuf,
    /// The finished shard.
    pub shard: PathBuf,
    /// What is said about it.
    pub sidecar: PathBuf,
}

impl ChunkFiles {
    /// The files of chunk `number` in `folder`.
    pub fn new(folder: &Path, number: u32) -> Self {
        let named = |ending: &str| folder.join(format!("{number:06}.{ending}"));
        Self {
            folder: folder.to_path_buf(),
            part: named("part"),
            open: named("open"),
            shard: named("shard"),
            sidecar: named("json"),
        }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a file that must not exist yet, for its owner alone.
pub fn create(path: &Path) -> Result<File> {
    private().create_new(true).open(path).map_err(|error| Error::io("create", path, &error))
}

/// Opens a file for reading and writing.
pub fn open(path: &Path) -> Result<File> {
    private().open(path).map_err(|error| Error::io("open", path, &error))
}

/// Opens a file for reading and writing, makes it if it is missing, for its owner alone.
pub fn open_or_create(path: &Path) -> Result<File> {
    private().create(true).truncate(false).open(path).map_err(|error| Error::io("open", path, &error))
}

/// Writes a file so that after a crash it is there whole, or not at all. The folder is not synced.
pub fn write_aside(path: &Path, text: &str) -> Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".tmp");
    let aside = PathBuf::from(aside);
    let write = || -> io::Result<()> {
        let mut file = private().create(true).truncate(true).open(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| Error::io("write", &aside, &error))?;
    rename(&aside, path)
}

/// Renames over whatever has the name. On Windows a virus scanner may hold the file for a moment: tried again.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    let mut tries = 0;
    loop {
        match fs::rename(from, to) {
            Err(error) if cfg!(windows) && error.kind() == io::ErrorKind::PermissionDenied && tries < 10 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(20 * tries));
            }
            result => return result.map_err(|error| Error::io("rename", from, &error)),
        }
    }
}

/// Removes a file; that it is gone already is no error.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Makes names in a folder outlive a power failure. Windows has no such call and needs none.
pub fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Error::io("sync", folder, &error))
}

/// Asks the system to bring what was written to the disk, and does not wait for it. A hint: where it is not known, or
/// fails, the sync that follows does all and tells of errors.
pub fn begin_writeback(file: &File) {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        // SAFETY: the descriptor is open as long as `file` is borrowed; no memory is handed over.
        unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Writes all of `pieces`, one after the other, with as few calls as the system allows.
pub fn write_all<'a>(file: &mut impl Write, pieces: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    // An empty piece at the end would look like a full disk.
    let mut slices: Vec<IoSlice<'_>> = pieces.filter(|piece| !piece.is_empty()).map(IoSlice::new).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits_or_more() {
        let name = |number| ChunkFiles::new(Path::new("f"), number).part;
        assert_eq!(name(7), Path::new("f/000007.part"));
        assert_eq!(name(12_345_678), Path::new("f/12345678.part"));
    }

    #[test]
    fn write_aside_replaces_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_aside(&path, "one").unwrap();
        write_aside(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
