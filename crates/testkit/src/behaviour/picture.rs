//! Pictures of people: an image, or none.

use gangway_connector::{ErrorKind, ReadPicture};
use gangway_egress::Class;

use super::{Harness, account::Size, subject::Subject};

/// The first bytes of a PNG and of a JPEG.
const SIGNATURES: [&[u8]; 2] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"];

pub(super) async fn run(harness: &Harness) {
    let subject = Subject::start(harness, Size::PAGES).await;
    let read = async |id: &str| subject.source().read_picture(ReadPicture::new(id, 96, Class::Interactive)).await;
    let pictures = subject.account.pictures();
    if let Some(id) = &pictures.with {
        let picture = read(id).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
        let picture = picture.unwrap_or_else(|| panic!("{}: {id} has a picture", subject.name));
        assert!(picture.content_type.starts_with("image/"), "{}", subject.name);
        assert!(SIGNATURES.iter().any(|signature| picture.bytes.starts_with(signature)), "{}", subject.name);
    }
    if let Some(id) = &pictures.without {
        let picture = read(id).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
        assert!(picture.is_none(), "{}: {id} has no picture", subject.name);
    }
    let error = read("../1").await.err();
    assert_eq!(error.map(|error| error.kind), Some(ErrorKind::Refused), "{}", subject.name);
}
