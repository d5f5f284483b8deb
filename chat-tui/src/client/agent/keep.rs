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
    /// What a person should know of the files.
    remarks: Vec<String>,
    /// The copy was begun anew: what the link knows to have is not here.
    begun_anew: bool,
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
            remarks,
            begun_anew: false,
        })
    }

    /// Sentences for a person, each once.
    pub(super) fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// Whether the copy was begun anew since this was last asked.
    pub(super) fn take_begun_anew(&mut self) -> bool {
        std::mem::take(&mut self.begun_anew)
    }

    /// To be written soon.
    pub(super) fn put(&mut self, change: Change) {
        self.unsaved.push(change);
        if self.unsaved.len() >= UNSAVED_MAX {
            self.flush();
        }
    }

    /// Whether something waits to be written.
    pub(super) const fn unsaved(&self) -> bool {
        !self.unsaved.is_empty()
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self) {
        let changes = std::mem::take(&mut self.unsaved);
        if changes.is_empty() {
            return;
        }
        if let Err(error) = self.cache.apply(&changes) {
            self.copy_failed(error);
        }
    }

    pub(super) fn lines(&mut self, limit: usize) -> Vec<Line> {
        self.read(|cache| cache.conversations(limit))
            .into_iter()
            .map(Line::from)
            .collect()
    }

    pub(super) fn line(&mut self, topic: &Name) -> Option<Line> {
        self.flush();
        self.read(|cache| cache.conversation(topic)).map(Line::from)
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

    /// Puts a letter on the disk, in the place of its draft.
    ///
    /// # Errors
    /// A sentence; the letter must not leave then.
    pub(super) fn put_letter(&mut self, letter: &Letter) -> Result<(), String> {
        self.change_outbox(|outbox| outbox.put_draft(letter))
    }

    pub(super) fn letters(&mut self) -> Vec<Letter> {
        let mut letters = Vec::new();
        let read = self.change_outbox(|outbox| {
            letters = outbox.letters()?;
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

    pub(super) fn save_draft(&mut self, topic: &Name, text: &str) {
        let saved = self.change_outbox(|outbox| outbox.save_draft(topic, text));
        self.say(saved);
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
            // Somebody else logged in with the profile: the file is theirs, and two must not empty it in turn.
            CacheError::BegunAnew => {
                self.begun_anew = true;
                if let Ok(cache) = Cache::in_memory(self.cache.owner()) {
                    self.cache = cache;
                    self.remarks.push(
                        "another process took the local copy over: nothing is kept".to_owned(),
                    );
                }
            }
            // The messages are at the server; they come again with the place that was not written.
            CacheError::File(error) => self.remarks.push(format!("the local copy: {error}")),
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
