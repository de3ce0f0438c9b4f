//! What a client is told of its DLE.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use config::Dle;
use format::wire::{DleSpec, WirePath};

/// The DLE, as the agent wants to know it.
pub fn of(dle: &Dle) -> DleSpec {
    let how = &dle.dumping;
    DleSpec {
        host: dle.host.clone(),
        dle: dle.name.clone(),
        path: wire_path(&dle.path),
        include: how.picks.include.clone(),
        exclude: how.picks.exclude.clone(),
        exclude_files: how
            .picks
            .exclude_files
            .iter()
            .map(PathBuf::as_path)
            .map(wire_path)
            .collect(),
        exclude_if_present: how.picks.exclude_if_present.clone(),
        exclude_caches: how.picks.exclude_caches,
        one_file_system: how.picks.one_file_system,
        max_file_size: how.picks.max_file_size.map(|size| size.0),
        xattrs: how.xattrs,
        acls: how.acls,
        atime: how.atime,
    }
}

/// The DLE, with another directory to be read in its place: a snapshot of it, say.
pub fn read_from(dle: &Dle, directory: Option<&str>) -> DleSpec {
    let spec = of(dle);
    match directory {
        Some(directory) => DleSpec { path: wire_path(Path::new(directory)), ..spec },
        None => spec,
    }
}

/// A path of this host, as the wire has it.
pub fn wire_path(path: &Path) -> WirePath {
    WirePath(path.as_os_str().as_bytes().to_vec())
}
