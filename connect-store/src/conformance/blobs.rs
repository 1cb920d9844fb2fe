//! Large content: whole or not at all, streamed, bounded.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connect_core::BlobStore;
use connect_core::store::{BlobError, BlobInfo, BlobKey, BlobRead, BlobStream};
use futures::future::{Either, select};
use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::FreshBlobs;

/// Bytes of one piece as the cases send it.
const PIECE: usize = 64 * 1024;
const MIB: u64 = 1024 * 1024;
/// More than any case sends.
const ENOUGH: u64 = 64 * MIB;

fn key(text: &str) -> BlobKey {
    BlobKey::parse(text).expect("a key")
}

/// Content of a size: no two pieces of it are the same, nor the same piece of two seeds.
fn pieces(seed: u8, size: u64) -> impl Iterator<Item = Bytes> + Send + 'static {
    let piece = PIECE as u64;
    (0..size.div_ceil(piece)).map(move |index| {
        let length = usize::try_from(piece.min(size - index * piece)).expect("a piece fits");
        let mut bytes = vec![seed; length];
        let stamp = index.to_le_bytes();
        let stamped = stamp.len().min(length);
        bytes[..stamped].copy_from_slice(&stamp[..stamped]);
        Bytes::from(bytes)
    })
}

fn stream_of(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> BlobStream {
    stream::iter(pieces.map(Ok)).boxed()
}

fn generated(seed: u8, size: u64) -> BlobStream {
    stream_of(pieces(seed, size))
}

fn info_of(pieces: impl Iterator<Item = Bytes>) -> BlobInfo {
    let mut hash = Sha256::new();
    let mut size = 0;
    for piece in pieces {
        hash.update(&piece);
        size += piece.len() as u64;
    }
    BlobInfo { size, sha256: hash.finalize().into() }
}

/// Reads to the end and keeps nothing.
async fn drained(mut read: BlobRead) -> BlobInfo {
    let mut hash = Sha256::new();
    let mut size = 0;
    while let Some(piece) = read.content.next().await {
        let piece = piece.expect("content is read to its end");
        hash.update(&piece);
        size += piece.len() as u64;
    }
    BlobInfo { size, sha256: hash.finalize().into() }
}

async fn text_of(mut read: BlobRead) -> String {
    let mut bytes = Vec::new();
    while let Some(piece) = read.content.next().await {
        bytes.extend_from_slice(&piece.expect("content is read to its end"));
    }
    String::from_utf8(bytes).expect("the text that was put")
}

async fn put_text(blobs: &Arc<dyn BlobStore>, name: &str, text: &'static str) -> BlobInfo {
    let content = stream_of(std::iter::once(Bytes::from_static(text.as_bytes())));
    blobs.put(key(name), content, ENOUGH).await.expect("the text is kept")
}

async fn get(blobs: &Arc<dyn BlobStore>, name: &str) -> BlobRead {
    blobs.get(key(name), None).await.expect("the content is there")
}

async fn part(blobs: &Arc<dyn BlobStore>, name: &str, range: Range<u64>) -> Result<BlobRead, BlobError> {
    blobs.get(key(name), Some(range)).await
}

async fn assert_missing(blobs: &Arc<dyn BlobStore>, name: &str, demand: &str) {
    match blobs.get(key(name), None).await {
        Err(BlobError::Missing) => {}
        Ok(read) => panic!("{demand}, but a reader found {} bytes", read.size),
        Err(error) => panic!("{demand}, but a reader was told: {error}"),
    }
}

/// What was put is read back, with its size and hash; so is nothing at all.
pub async fn what_was_put_is_read_back(world: FreshBlobs) {
    let blobs = &world.blobs;
    blobs.ready().await.expect("the store serves");
    let kept = put_text(blobs, "acct_1/mail/file_1", "Hello, all of you").await;
    let expected = info_of(std::iter::once(Bytes::from_static(b"Hello, all of you")));
    assert_eq!(kept, expected, "the answer tells the size and the hash of what came");
    let read = get(blobs, "acct_1/mail/file_1").await;
    assert_eq!(read.size, expected.size);
    assert_eq!(text_of(read).await, "Hello, all of you");

    let kept = blobs.put(key("empty"), stream::empty().boxed(), 0).await.expect("no bytes are content too");
    assert_eq!(kept, info_of(std::iter::empty()));
    let read = get(blobs, "empty").await;
    assert_eq!((read.size, text_of(read).await), (0, String::new()));
}

/// 24 MiB and a bit pass in pieces, both ways, and come out as they went in.
pub async fn large_content_is_streamed_both_ways(world: FreshBlobs) {
    let size = 24 * MIB + 12_345;
    let kept = world.blobs.put(key("large"), generated(7, size), size).await.expect("large content is kept");
    let expected = info_of(pieces(7, size));
    assert_eq!(kept, expected, "the answer tells the size and the hash of what came");
    let mut read = get(&world.blobs, "large").await;
    assert_eq!(read.size, size);
    let first = read.content.next().await.expect("a piece").expect("a first piece");
    assert!(
        (first.len() as u64) < size / 2,
        "content is streamed, but the first piece of {size} bytes had {}",
        first.len()
    );
    drop(read);
    assert_eq!(drained(get(&world.blobs, "large").await).await, expected, "content comes out as it went in");
}

/// A range gives its bytes and the size of the whole; its end may lie behind the content's.
pub async fn a_range_is_cut_to_what_there_is(world: FreshBlobs) {
    let blobs = &world.blobs;
    put_text(blobs, "digits", "0123456789").await;
    for (range, expected) in
        [(0..10, "0123456789"), (2..5, "234"), (9..10, "9"), (7..1_000, "789"), (3..u64::MAX, "3456789")]
    {
        let read = part(blobs, "digits", range.clone()).await.expect("the range is read");
        assert_eq!(read.size, 10, "the size is that of the whole content, whatever the range ({range:?})");
        assert_eq!(text_of(read).await, expected, "bytes {range:?}");
    }
    let size = 11 * MIB;
    blobs.put(key("large"), generated(3, size), size).await.expect("large content is kept");
    let third = PIECE as u64 * 100..PIECE as u64 * 101;
    let read = part(blobs, "large", third).await.expect("a range in the middle is read");
    let expected = info_of(pieces(3, size).skip(100).take(1));
    assert_eq!(drained(read).await, expected, "a range of content that came in parts");
}

/// A range in which nothing lies is refused, and the answer tells how much there is.
pub async fn a_range_behind_the_end_is_refused(world: FreshBlobs) {
    let blobs = &world.blobs;
    put_text(blobs, "digits", "0123456789").await;
    let backwards = Range { start: 5, end: 2 };
    for range in [10..11, 10..u64::MAX, 500..600, 4..4, backwards] {
        match part(blobs, "digits", range.clone()).await {
            Err(BlobError::OutOfRange { size: 10 }) => {}
            other => panic!("bytes {range:?} of 10 are out of range, with the size told, but seen was {other:?}"),
        }
    }
    put_text(blobs, "empty", "").await;
    match part(blobs, "empty", 0..1).await {
        Err(BlobError::OutOfRange { size: 0 }) => {}
        other => panic!("nothing lies in empty content, but seen was {other:?}"),
    }
    match part(blobs, "nothing", 0..1).await {
        Err(BlobError::Missing) => {}
        other => panic!("a range of missing content is missing, but seen was {other:?}"),
    }
}

/// Missing content is told as such, and removing it is no error.
pub async fn missing_content_is_told(world: FreshBlobs) {
    assert_missing(&world.blobs, "nothing", "there is no such content").await;
    put_text(&world.blobs, "a/b", "here").await;
    assert_missing(&world.blobs, "a", "a part of a key is no key").await;
    assert_missing(&world.blobs, "a/b/c", "a key does not go on behind its end").await;
    // Whether there may have been any is the store's to say.
    world.blobs.delete(key("nothing")).await.expect("removing what is not there is no error");
}

/// Exactly the limit passes; one byte more is refused and leaves what was there.
pub async fn too_much_is_refused_and_leaves_nothing(world: FreshBlobs) {
    let blobs = &world.blobs;
    for limit in [10, 5 * MIB, 11 * MIB] {
        match blobs.put(key("new"), generated(1, limit + 1), limit).await {
            Err(BlobError::TooLarge { limit: told }) if told == limit => {}
            other => panic!("{} bytes are too large for {limit}, but seen was {other:?}", limit + 1),
        }
        assert_missing(blobs, "new", "refused content leaves nothing").await;

        let exact = blobs.put(key("exact"), generated(2, limit), limit).await;
        assert_eq!(exact.expect("exactly the limit passes"), info_of(pieces(2, limit)));
        let more = blobs.put(key("exact"), generated(3, limit + 1), limit).await;
        assert!(matches!(more, Err(BlobError::TooLarge { .. })), "{more:?}");
        let read = drained(get(blobs, "exact").await).await;
        assert_eq!(read, info_of(pieces(2, limit)), "refused content leaves what was there before");
    }
    // It stops at the first byte too many: this stream never ends.
    let endless: BlobStream = stream::repeat_with(|| Ok(Bytes::from(vec![0; PIECE]))).boxed();
    let refused = blobs.put(key("endless"), endless, 7 * MIB).await;
    assert!(matches!(refused, Err(BlobError::TooLarge { .. })), "{refused:?}");
}

/// An error of the stream is the answer, and nothing is there; early or late.
pub async fn content_that_is_cut_off_leaves_nothing(world: FreshBlobs) {
    let blobs = &world.blobs;
    for sent in [0, PIECE as u64, 12 * MIB] {
        let error = stream::once(async { Err(BlobError::CutOff("the line went dead".to_owned())) });
        match blobs.put(key("cut"), generated(1, sent).chain(error).boxed(), ENOUGH).await {
            Err(BlobError::CutOff(why)) if why == "the line went dead" => {}
            other => panic!("the stream's error is the answer, but after {sent} bytes seen was {other:?}"),
        }
        assert_missing(blobs, "cut", "content that was cut off leaves nothing").await;
    }
}

/// A caller that goes away in the middle leaves nothing visible, then or later, and the key can be used.
pub async fn a_caller_that_goes_away_leaves_nothing_visible(world: FreshBlobs) {
    let blobs = &world.blobs;
    for sent in [PIECE as u64, 12 * MIB] {
        let all_taken = Arc::new(Notify::new());
        let notify = Arc::clone(&all_taken);
        let silence = stream::once(async move {
            notify.notify_one();
            std::future::pending().await
        });
        let put = blobs.put(key("left"), generated(1, sent).chain(silence).boxed(), ENOUGH);
        match select(put, Box::pin(all_taken.notified())).await {
            Either::Left((answer, _)) => panic!("content without an end is not kept, but seen was {answer:?}"),
            Either::Right(((), put)) => drop(put),
        }
        for _ in 0..10 {
            assert_missing(blobs, "left", "a caller that went away leaves nothing visible").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    put_text(blobs, "left", "second try").await;
    assert_eq!(text_of(get(blobs, "left").await).await, "second try");
}

/// Writing a key again replaces the whole: longer by shorter and the other way round.
pub async fn a_key_written_again_is_replaced_whole(world: FreshBlobs) {
    let blobs = &world.blobs;
    for (seed, size) in [(1, 100), (2, 7 * MIB), (3, 6 * MIB), (4, 3)] {
        blobs.put(key("again"), generated(seed, size), ENOUGH).await.expect("kept");
        let read = get(blobs, "again").await;
        assert_eq!(read.size, size, "the size of what came last");
        assert_eq!(drained(read).await, info_of(pieces(seed, size)), "nothing of what was there before is left");
    }
}

/// Removed content is gone, its neighbours are not.
pub async fn removed_content_is_gone(world: FreshBlobs) {
    let blobs = &world.blobs;
    put_text(blobs, "a/one", "one").await;
    put_text(blobs, "a/one_more", "one more").await;
    assert!(blobs.delete(key("a/one")).await.expect("removed"), "there was content, and the answer says so");
    assert_missing(blobs, "a/one", "removed content is gone").await;
    assert_eq!(text_of(get(blobs, "a/one_more").await).await, "one more");
    blobs.delete(key("a/one")).await.expect("removing twice is no error");
    put_text(blobs, "a/one", "again").await;
    assert_eq!(text_of(get(blobs, "a/one").await).await, "again");
}

/// Of writers of one key at the same time, one's content is there, whole.
pub async fn parallel_writers_leave_one_whole(world: FreshBlobs) {
    let writers: Vec<_> = (1..=4_u8)
        .map(|seed| {
            let blobs = Arc::clone(&world.blobs);
            let size = 5 * MIB + u64::from(seed) * 1_000;
            tokio::spawn(async move { blobs.put(key("shared"), generated(seed, size), ENOUGH).await })
        })
        .collect();
    let mut kept = Vec::new();
    for writer in writers {
        kept.push(writer.await.expect("no task panics").expect("every writer is answered"));
    }
    let seen = drained(get(&world.blobs, "shared").await).await;
    assert!(kept.contains(&seen), "one writer's content is there whole, but seen was {seen:?} of {kept:?}");
}
