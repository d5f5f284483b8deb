//! What the agent keeps on disk: the local copy, written a moment behind what is shown, and the outbox, written
//! before anything leaves. Damage is set aside and said, never a reason to stop.

use chat_proto::{MessageId, Name, Refusal, Rev, Time};

use crate::client::cache::outbox::{self, OutboxError, OutboxFile};
use crate::client::cache::{self, Cache, CacheError, Change, DatabaseError, Owner, SetAside};
use crate::client::copy::{Entry, Line};
use crate::client::outbox::Letter;
use crate::client::query::Range;
use crate::config::Settings;

/// Changes that wait to be written; more are written at once.
const UNSAVED_MAX: usize = 512;
/// Changes that wait for a disk that takes none; beyond them all are let go, and fetched once it takes some again.
const REFUSED_MAX: usize = 8 * UNSAVED_MAX;

/// There is neither a disk nor memory for a copy.
#[derive(Debug, thiserror::Error)]
#[error("there is no room for a local copy: {0}")]
pub struct NoCopy(String);

fn no_copy(error: impl std::fmt::Display) -> NoCopy {
    NoCopy(error.to_string())
}

/// The files of one user.
pub(super) struct Keep {
    cache: Cache,
    outbox: OutboxFile,
    /// What was shown and is not written yet. A crash loses it, and the next `sync` brings it again, because the
    /// place in the log is written with it.
    unsaved: Vec<Change>,
    /// The disk took nothing when it was last tried; that is said once.
    refused: bool,
    /// Too much waited and was let go: the places on disk are right, and none may be written over the hole before the
    /// link has begun from them again.
    let_go: bool,
    /// Drafts could not be written when it was last tried; that is said once.
    drafts_refused: bool,
    /// What a person should know of the files.
    remarks: Vec<String>,
    /// What the link takes to be here is not: the copy was begun anew, or something was let go.
    begun_anew: bool,
    /// Another process learned first that the store is another one: what was told of conversations means nothing.
    other_numbers: bool,
}

impl Keep {
    /// Opens both files. What cannot be had on disk is kept in memory, and said.
    ///
    /// # Errors
    /// When there is no memory either.
    pub(super) fn open(settings: &Settings, owner: &Owner) -> Result<Self, NoCopy> {
        let (folder, profile) = (&settings.folders.profiles, &settings.profile);
        let mut remarks = Vec::new();
        let kept = settings.token.is_none();
        if !kept {
            remarks.push("a token was handed in: nothing is kept on this machine".to_owned());
        }
        let cache = match kept.then(|| Cache::open(&cache::path(folder, profile), owner)) {
            Some(Ok((cache, aside))) => {
                remarks.extend(aside.map(|aside| copy_set_aside(&aside)));
                cache
            }
            Some(Err(error)) => {
                remarks.push(format!("nothing is kept on this machine: {error}"));
                Cache::in_memory(owner).map_err(no_copy)?
            }
            None => Cache::in_memory(owner).map_err(no_copy)?,
        };
        let outbox = match kept.then(|| OutboxFile::open(&outbox::path(folder, profile), owner)) {
            Some(Ok((outbox, aside))) => {
                remarks.extend(aside.map(|aside| outbox_set_aside(&aside)));
                outbox
            }
            Some(Err(error)) => {
                remarks.push(format!("unsent messages are gone when this ends: {error}"));
                OutboxFile::in_memory(owner).map_err(no_copy)?
            }
            None => OutboxFile::in_memory(owner).map_err(no_copy)?,
        };
        Ok(Self {
            cache,
            outbox,
            unsaved: Vec::new(),
            refused: false,
            let_go: false,
            drafts_refused: false,
            remarks,
            begun_anew: false,
            other_numbers: false,
        })
    }

    /// Sentences for a person, each once.
    pub(super) fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// Whether the link has to begin from the places on disk again; asked once, it is taken to do so.
    pub(super) fn take_begun_anew(&mut self) -> bool {
        std::mem::take(&mut self.begun_anew)
    }

    /// Whether the numbers are those of another store since this was last asked.
    pub(super) fn take_other_numbers(&mut self) -> bool {
        std::mem::take(&mut self.other_numbers)
    }

    /// To be written soon.
    pub(super) fn put(&mut self, change: Change) {
        // What the link goes on from is not what is here: its places would be written over a hole.
        if (self.let_go || self.begun_anew) && matches!(change, Change::Place { .. }) {
            return;
        }
        self.unsaved.push(change);
        // Not with every one above it: a disk that takes nothing is not asked for each.
        if self.unsaved.len().is_multiple_of(UNSAVED_MAX) {
            self.flush();
        }
    }

    /// Whether something that came is not on disk.
    pub(super) const fn unsaved(&self) -> bool {
        !self.unsaved.is_empty() || self.let_go || self.begun_anew
    }

    /// Writes what waits. What the disk does not take waits on.
    pub(super) fn flush(&mut self) {
        let changes = std::mem::take(&mut self.unsaved);
        if changes.is_empty() {
            return;
        }
        match self.cache.apply(&changes) {
            Ok(()) => {
                self.refused = false;
                self.begun_anew |= std::mem::take(&mut self.let_go);
            }
            Err(
                error @ CacheError::File(
                    DatabaseError::Unusable { .. } | DatabaseError::Newer { .. },
                ),
            ) => {
                self.unsaved = changes;
                self.bound_unsaved();
                if !std::mem::replace(&mut self.refused, true) {
                    self.copy_failed(error);
                }
            }
            Err(error) => self.copy_failed(error),
        }
    }

    /// What is let go is at the server, and comes again from the places that are on disk.
    fn bound_unsaved(&mut self) {
        if self.unsaved.len() < REFUSED_MAX {
            return;
        }
        self.let_go = true;
        // The store's name is told once a connection, and what was read here may be known to nobody else.
        self.unsaved
            .retain(|change| matches!(change, Change::Epoch(_) | Change::ReadUpTo { .. }));
        if self.unsaved.len() >= REFUSED_MAX {
            self.unsaved.clear();
        }
    }

    pub(super) fn lines(&mut self, limit: usize) -> Vec<Line> {
        self.read(|cache| cache.conversations(limit))
    }

    pub(super) fn line(&mut self, topic: &Name) -> Option<Line> {
        self.flush();
        self.read(|cache| cache.conversation(topic))
    }

    pub(super) fn page(&mut self, topic: &Name, range: Range, limit: usize) -> Vec<Entry> {
        self.flush();
        self.read(|cache| cache.page(topic, range, limit))
    }

    pub(super) fn places(&mut self) -> Vec<(Name, Rev)> {
        self.read(Cache::places)
    }

    pub(super) fn epoch(&self) -> Option<chat_proto::Epoch> {
        self.cache.epoch().cloned()
    }

    /// Puts a letter that was just written on the disk, in the place of its draft.
    ///
    /// # Errors
    /// A sentence; the letter must not leave then.
    pub(super) fn put_written(&mut self, letter: &Letter) -> Result<(), String> {
        self.change_outbox(|outbox| outbox.put_draft(letter))
    }

    /// Puts a letter on the disk; what is being written to the same topic is another text and stays.
    ///
    /// # Errors
    /// A sentence; the letter must not leave then.
    pub(super) fn put_letter(&mut self, letter: &Letter) -> Result<(), String> {
        self.change_outbox(|outbox| outbox.put(letter))
    }

    /// The letters on disk; nothing where they cannot be read, which does not mean that there are none.
    pub(super) fn letters(&mut self) -> Option<Vec<Letter>> {
        let mut letters = None;
        let read = self.change_outbox(|outbox| {
            letters = Some(outbox.letters()?);
            Ok(())
        });
        self.say(read);
        letters
    }

    pub(super) fn drafts(&mut self) -> Vec<(Name, String)> {
        let mut drafts = Vec::new();
        let read = self.change_outbox(|outbox| {
            drafts = outbox.drafts()?;
            Ok(())
        });
        self.say(read);
        drafts
    }

    /// Says whether it is on disk.
    pub(super) fn save_draft(&mut self, topic: &Name, text: &str) -> bool {
        let saved = self.change_outbox(|outbox| outbox.save_draft(topic, text));
        let refused = saved.is_err();
        if !std::mem::replace(&mut self.drafts_refused, refused) {
            self.say(saved);
        }
        !refused
    }

    /// The server has it, or nobody wants it any more. Should this fail, it is sent again with the same id.
    pub(super) fn remove_letter(&mut self, id: &MessageId) {
        let removed = self.change_outbox(|outbox| outbox.remove(id));
        self.say(removed);
    }

    pub(super) fn fail_letter(&mut self, id: &MessageId, refusal: &Refusal) {
        let failed = self.change_outbox(|outbox| outbox.fail(id, refusal));
        self.say(failed);
    }

    pub(super) fn retry_letter(&mut self, id: &MessageId, wall: Time) {
        let retried = self.change_outbox(|outbox| outbox.retry(id, wall));
        self.say(retried);
    }

    /// Once more after mending, where the file was damaged.
    fn change_outbox(
        &mut self,
        mut change: impl FnMut(&mut OutboxFile) -> Result<(), OutboxError>,
    ) -> Result<(), String> {
        match change(&mut self.outbox) {
            Err(OutboxError::File(error @ DatabaseError::Damaged { .. })) => {
                let aside = self
                    .outbox
                    .mend(&error)
                    .map_err(|error| error.to_string())?;
                self.remarks
                    .extend(aside.map(|aside| outbox_set_aside(&aside)));
                change(&mut self.outbox).map_err(|error| error.to_string())
            }
            other => other.map_err(|error| error.to_string()),
        }
    }

    fn say(&mut self, result: Result<(), String>) {
        self.remarks.extend(result.err());
    }

    fn read<T: Default>(&mut self, read: impl Fn(&Cache) -> Result<T, CacheError>) -> T {
        match read(&self.cache) {
            Ok(value) => value,
            Err(error) => {
                self.copy_failed(error);
                read(&self.cache).unwrap_or_default()
            }
        }
    }

    fn copy_failed(&mut self, error: CacheError) {
        match error {
            CacheError::File(error @ DatabaseError::Damaged { .. }) => {
                self.begun_anew = true;
                match self.cache.mend(&error) {
                    Ok(aside) => self
                        .remarks
                        .extend(aside.map(|aside| copy_set_aside(&aside))),
                    Err(error) => self.remarks.push(error.to_string()),
                }
            }
            CacheError::BegunAnew => {
                self.begun_anew = true;
                match self.cache.join_anew() {
                    Ok(true) => self.other_numbers = true,
                    Ok(false) | Err(_) => self.go_to_memory(),
                }
            }
            // The messages are at the server; they come again with the place that was not written.
            CacheError::File(error) => self.remarks.push(format!("the local copy: {error}")),
        }
    }

    /// Somebody else logged in with the profile: the file is theirs, and two must not empty it in turn.
    fn go_to_memory(&mut self) {
        if let Ok(cache) = Cache::in_memory(self.cache.owner()) {
            self.cache = cache;
            let taken = "another process took the local copy over: nothing is kept";
            self.remarks.push(taken.to_owned());
        }
    }
}

fn copy_set_aside(aside: &SetAside) -> String {
    let name = aside.path.file_name().unwrap_or_default().to_string_lossy();
    format!("the local copy was damaged; it is set aside as {name}, and fetched anew")
}

fn outbox_set_aside(aside: &SetAside) -> String {
    let name = aside.path.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "the outbox was damaged; it is set aside as {name}, {} rows were saved",
        aside.saved
    )
}

#[cfg(test)]
impl Keep {
    /// As a disk that is full, or has room again.
    pub(super) fn refuse_writes(&self, refuse: bool) {
        self.cache.refuse_writes(refuse);
        self.outbox.refuse_writes(refuse);
    }

    /// The copy is this file from here on.
    pub(super) fn use_copy(&mut self, path: &std::path::Path, owner: &Owner) {
        self.cache = Cache::open(path, owner).expect("a copy").0;
    }

    /// Drafts and letters are in this file from here on.
    pub(super) fn use_outbox(&mut self, path: &std::path::Path, owner: &Owner) {
        self.outbox = OutboxFile::open(path, owner).expect("an outbox").0;
    }
}
