//! How the bytes of an answer go out: at once, in drops, broken off, or more of them than anybody holds.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use tokio::time::Sleep;

/// How an answer is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// At once.
    Whole,
    /// The connection breaks after so many hundredths, though all was announced.
    Cut { after_percent: u8 },
    /// A few bytes at a time.
    Drip { bytes: usize, pause: Duration },
    /// So many bytes of one JSON text, whatever the body is.
    Huge { bytes: u64, is_declared: bool },
}

const HUGE_BEGINS: &[u8] = br#"{"success":true,"data":[{"type":"Employee","attributes":{"position":""#;
const HUGE_GOES_ON: &[u8] = &[b'x'; 64 * 1024];

/// A body on its way.
pub(crate) struct Wire {
    body: Bytes,
    delivery: Delivery,
    n_sent: u64,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    pub(crate) fn new(body: Bytes, delivery: Delivery) -> Self {
        Self { body, delivery, n_sent: 0, pause: None }
    }

    /// The next bytes, all of them at most.
    fn take(&mut self, n: usize) -> Option<Bytes> {
        let taken = self.body.split_to(n.min(self.body.len()));
        (!taken.is_empty()).then_some(taken)
    }

    fn huge(&mut self, all: u64) -> Option<Bytes> {
        let part = if self.n_sent == 0 { HUGE_BEGINS } else { HUGE_GOES_ON };
        let left = usize::try_from(all - self.n_sent).unwrap_or(usize::MAX);
        let part = part.get(..left.min(part.len())).unwrap_or(part);
        self.n_sent += u64::try_from(part.len()).unwrap_or(0);
        (!part.is_empty()).then_some(Bytes::from_static(part))
    }
}

impl MessageBody for Wire {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        match self.delivery {
            Delivery::Huge { is_declared: false, .. } => BodySize::Stream,
            Delivery::Huge { bytes, .. } => BodySize::Sized(bytes),
            _ => BodySize::Sized(u64::try_from(self.body.len()).unwrap_or(u64::MAX)),
        }
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let part = match self.delivery {
            Delivery::Whole => self.take(usize::MAX),
            Delivery::Cut { after_percent } => {
                let kept = self.body.len() * usize::from(after_percent) / 100;
                let part = if self.n_sent == 0 { self.take(kept) } else { None };
                self.n_sent = 1;
                return Poll::Ready(Some(part.ok_or_else(|| io::ErrorKind::ConnectionReset.into())));
            }
            Delivery::Drip { bytes, pause } => {
                let sleep = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
                if sleep.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
                self.take(bytes)
            }
            Delivery::Huge { bytes, .. } => self.huge(bytes),
        };
        Poll::Ready(part.map(Ok))
    }
}
