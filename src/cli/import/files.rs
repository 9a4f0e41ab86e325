//! Finds and reads Markdown files in a folder. Their content is not interpreted here.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use super::stop::Stop;

/// No post is this long, because a body has at most 100,000 characters.
const MAX_BYTES: u64 = 1024 * 1024;

/// A Markdown file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Its path within the folder, with `/` between the parts; invalid UTF-8 is replaced.
    pub(super) name: String,
    /// Its name without the extension; `my-post/index.md` has the name `my-post`.
    pub(super) stem: String,
    path: PathBuf,
}

/// The content of a folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The files, sorted by name.
    pub(super) files: Vec<File>,
    /// The `_index.md` files, which are pages of sections and not posts.
    pub(super) sections: Vec<String>,
    /// What could not be read, and why.
    pub(super) unreadable: Vec<(String, String)>,
}

/// Finds the Markdown files in `folder` and its subfolders. Hidden files are ignored; links are followed.
///
/// # Errors
/// `Folder` if it cannot be listed, `Empty` if there is nothing to import.
pub(super) fn find(folder: &Path) -> Result<Found, Stop> {
    std::fs::read_dir(folder).map_err(|source| Stop::Folder { folder: folder.to_owned(), source })?;
    let mut found = Found::default();
    let walk = WalkDir::new(folder).follow_links(true).into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name())) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_markdown(entry.path()) => found.add(folder, entry.path()),
            Ok(_) => {}
            Err(error) => found.miss(folder, &error),
        }
    }
    if found.files.is_empty() && found.unreadable.is_empty() {
        return Err(Stop::Empty(folder.to_owned()));
    }
    found.files.sort_by(|a, b| a.name.cmp(&b.name));
    found.sections.sort();
    Ok(found)
}

impl Found {
    fn add(&mut self, folder: &Path, path: &Path) {
        let name = name_of(folder, path);
        let stem = lossy(path.file_stem());
        if stem == "_index" || stem.starts_with("_index.") {
            self.sections.push(name);
            return;
        }
        let bundle = path.parent().filter(|parent| *parent != folder && stem.eq_ignore_ascii_case("index"));
        let stem = bundle.map_or(stem, |bundle| lossy(bundle.file_name()));
        self.files.push(File { name, stem, path: path.to_owned() });
    }

    /// Records what could not be read. Broken and circular links matter only if they are Markdown files: editors create
    /// hidden ones beside every open file.
    fn miss(&mut self, folder: &Path, error: &walkdir::Error) {
        let path = error.path().unwrap_or(folder);
        let is_of_interest = !path.file_name().is_some_and(is_hidden) && (is_markdown(path) || !path.is_symlink());
        if is_of_interest {
            let reason = error.io_error().map_or_else(|| "is a circular link".to_owned(), cannot_be_read);
            self.unreadable.push((name_of(folder, path), reason));
        }
    }
}

impl File {
    /// The content of the file.
    ///
    /// # Errors
    /// Why it cannot be imported.
    pub(super) async fn read(&self) -> Result<Vec<u8>, String> {
        let length = tokio::fs::metadata(&self.path).await.map_err(|error| cannot_be_read(&error))?.len();
        if length > MAX_BYTES {
            return Err(format!(
                "is too large: it has {length} bytes, and a post's body has at most 100,000 characters"
            ));
        }
        tokio::fs::read(&self.path).await.map_err(|error| cannot_be_read(&error))
    }
}

fn cannot_be_read(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

fn name_of(folder: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn lossy(name: Option<&OsStr>) -> String {
    name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("md") || end.eq_ignore_ascii_case("markdown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "text").unwrap();
        }
        folder
    }

    #[test]
    fn markdown_is_found_in_all_folders_in_order() {
        let folder = folder_with(&["b.md", "a/z.MARKDOWN", "a/y.Md", "a.txt", "md", "c.md.bak"]);
        let found = find(folder.path()).unwrap();
        let names: Vec<_> = found.files.iter().map(|file| (file.name.as_str(), file.stem.as_str())).collect();
        assert_eq!(names, [("a/y.Md", "y"), ("a/z.MARKDOWN", "z"), ("b.md", "b")]);
    }

    #[test]
    fn hidden_files_and_folders_are_left_out() {
        let folder = folder_with(&[".git/a.md", "x/.obsidian/b.md", ".c.md", "d.md"]);
        let found = find(folder.path()).unwrap();
        assert_eq!(found.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["d.md"]);
        assert!(found.unreadable.is_empty());
    }

    #[test]
    fn a_bundle_is_called_like_its_folder_and_a_section_is_no_post() {
        let folder = folder_with(&["index.md", "posts/_index.md", "posts/_index.fr.md", "posts/my-post/index.md"]);
        let found = find(folder.path()).unwrap();
        let stems: Vec<_> = found.files.iter().map(|file| file.stem.as_str()).collect();
        assert_eq!(stems, ["index", "my-post"]);
        assert_eq!(found.sections, ["posts/_index.fr.md", "posts/_index.md"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_broken_links_to_markdown_are_reported() {
        let folder = folder_with(&["a.md", "x/b.md"]);
        for (to, from) in
            [("/nowhere/at/all", ".#a.md"), ("/nowhere", "pic.png"), ("/nowhere", "gone.md"), (".", "x/up")]
        {
            std::os::unix::fs::symlink(to, folder.path().join(from)).unwrap();
        }
        let found = find(folder.path()).unwrap();
        assert_eq!(found.files.len(), 2);
        assert_eq!(found.unreadable.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["gone.md"]);
    }

    #[test]
    fn a_folder_that_is_none_or_empty_stops_the_import() {
        let folder = folder_with(&["a.txt"]);
        assert!(matches!(find(folder.path()), Err(Stop::Empty(_))));
        assert!(matches!(find(&folder.path().join("a.txt")), Err(Stop::Folder { .. })));
        assert!(matches!(find(&folder.path().join("nowhere")), Err(Stop::Folder { .. })));
    }

    #[tokio::test]
    async fn a_huge_file_is_not_read() {
        let folder = folder_with(&["a.md"]);
        let file = std::fs::File::options().write(true).open(folder.path().join("a.md")).unwrap();
        file.set_len(MAX_BYTES + 1).unwrap();
        let found = find(folder.path()).unwrap();
        assert!(found.files[0].read().await.unwrap_err().starts_with("is too large"));
    }
}
