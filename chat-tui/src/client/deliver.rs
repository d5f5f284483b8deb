//! Delivers what is queued, for a command that has no socket: one letter after the other over HTTP, as the
//! [`Outbox`] says, until the deadline. What is left stays on the disk for the next process.

use chat_proto::ErrorCode;
use chat_proto::api::Sent;

use super::cache::outbox::{OutboxError, OutboxFile};
use super::error::ClientError;
use super::http::Call;
use super::outbox::{Letter, LetterState, Outbox, Verdict};
use super::{Client, try_deadline};
use crate::clock::{self, Deadline, Stopwatch};

/// What became of the letters.
#[derive(Debug, Default)]
pub struct Delivered {
    /// So many are stored, and gone from the outbox.
    pub sent: usize,
    /// Refused for good, just now.
    pub failed: Vec<Letter>,
    /// So many still wait, in their order.
    pub queued: usize,
    /// So many waited for so long that their writer is to be asked.
    pub asks: usize,
    /// Why no more was tried; none where nothing is left, or the time was over before anything was tried.
    pub stopped: Option<ClientError>,
}

impl Client {
    /// Sends `letters`, which are in `file`, in order, and takes note there of what becomes of each.
    ///
    /// # Errors
    /// [`OutboxError`]; what was sent by then and not noted goes again with the same id, which is harmless.
    pub async fn deliver(
        &mut self,
        letters: Vec<Letter>,
        file: &mut OutboxFile,
        deadline: Deadline,
    ) -> Result<Delivered, OutboxError> {
        let watch = Stopwatch::start();
        let mut delivered = Delivered::default();
        let mut held_up = None;
        let mut outbox = Outbox::default();
        outbox.handle_known(letters);
        outbox.handle_connected();
        while delivered.stopped.is_none() {
            let Some(request) = outbox.poll_publish(watch.now(), clock::wall()) else {
                let turn = outbox.deadline().map(|at| watch.deadline(at));
                let Some(turn) = turn.filter(|turn| *turn < deadline) else {
                    break;
                };
                tokio::time::sleep_until(turn).await;
                continue;
            };
            let Some(letter) = request.id.and_then(|id| outbox.letter(&id).cloned()) else {
                break;
            };
            match self.try_letter(&letter, deadline).await {
                Ok(()) => {
                    outbox.handle_ack(&letter.id);
                    file.remove(&letter.id)?;
                    delivered.sent += 1;
                }
                Err(ClientError::Refused(refusal)) if refusal.code != ErrorCode::Unauthorized => {
                    let (now, chance) = (watch.now(), fastrand::f64());
                    let verdict = outbox.handle_refused(&letter.id, &refusal, now, chance);
                    if let Some(Verdict::Failed(failed)) = verdict {
                        file.fail(&failed.id, &refusal)?;
                        delivered.failed.push(*failed);
                    } else {
                        held_up = Some(ClientError::Refused(refusal));
                    }
                }
                Err(error) => delivered.stopped = Some(error),
            }
        }
        delivered.queued = outbox.queued();
        delivered.asks = asking(&outbox);
        if delivered.queued > 0 && delivered.stopped.is_none() {
            delivered.stopped = held_up;
        }
        Ok(delivered)
    }

    async fn try_letter(&mut self, letter: &Letter, deadline: Deadline) -> Result<(), ClientError> {
        let call = Call::post("/v1/messages", &letter.to_message());
        let sent: Sent = self.ask(&call, try_deadline(deadline)).await?;
        match sent.id == letter.id {
            true => Ok(()),
            false => Err(self.other_message()),
        }
    }
}

fn asking(outbox: &Outbox) -> usize {
    let asks = |letter: &&Letter| letter.state == LetterState::Asks;
    outbox.letters().filter(asks).count()
}
