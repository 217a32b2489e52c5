//! An employee's picture, asked of the vendor when somebody wants to see it.

use bytes::Bytes;
use gangway_connector::ReadPicture;
use gangway_domain::{
    Code,
    id::EmployeeId,
    record::{RecordState, Stream},
};
use gangway_egress::Class;
use serde_json::Value;

use super::{RecordView, get};
use crate::{Ctx, Error, Result, connections};

/// The canonical field with the picture's address.
const FIELD: &str = "picture_url";

/// A picture of a kind that browsers show and that cannot hold programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What it is, by its own first bytes.
    pub kind: PictureKind,
    /// The image.
    pub bytes: Bytes,
}

/// Kinds of picture that are given on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
}

impl PictureKind {
    /// By the first bytes; what the vendor calls it does not count.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }
}

/// Asks the vendor for an employee's picture, `width` pixels wide.
///
/// Shown to whoever may see that there is one: the address of the picture is an attribute like others, with its class and choice.
///
/// # Errors
/// `object.not-found` for an unknown or gone employee and for one without a picture; `connection.…` when the vendor cannot be
/// asked or answers something else than a picture.
pub async fn picture(ctx: &Ctx, id: EmployeeId, width: u32) -> Result<Picture> {
    let record = get(ctx, Stream::Employees, id.uuid()).await?;
    let none = |why: &str| Error::new(Code::NotFound, format!("There is no picture of this employee: {why}."));
    if record.state != RecordState::Present {
        return Err(none("the vendor no longer shows them"));
    }
    if !shows_address(ctx, &record).await? {
        return Err(none(
            "the attribute is empty, not permitted at the vendor, not selected, or needs `sensitive:read`",
        ));
    }
    let opened = connections::open(ctx, record.connection, Class::Interactive).await?;
    let request = ReadPicture::new(record.external.id.clone(), width, opened.class);
    let found = opened.source()?.read_picture(request).await?.ok_or_else(|| none("the vendor has none"))?;
    let kind = PictureKind::of(&found.bytes).ok_or_else(|| {
        Error::new(Code::VendorProtocol, "What the vendor sent as a picture is neither PNG nor JPEG nor WebP.")
    })?;
    Ok(Picture { kind, bytes: found.bytes })
}

/// Whether the reader sees where the picture is: in its field, or sealed under the attribute that feeds the field.
async fn shows_address(ctx: &Ctx, record: &RecordView) -> Result<bool> {
    if record.fields.get(FIELD).is_some_and(Value::is_string) {
        return Ok(true);
    }
    let Some(sensitive) = &record.sensitive else { return Ok(false) };
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let hidden = tx.attributes().list_not_in_clear(&[record.connection], record.stream).await?;
    tx.commit().await?;
    let mut feeds = hidden.iter().filter(|attribute| attribute.canonical_field.as_deref() == Some(FIELD));
    Ok(feeds.any(|attribute| sensitive.get(&attribute.key).is_some_and(Value::is_string)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_own_first_bytes() {
        assert_eq!(PictureKind::of(b"\x89PNG\r\n\x1a\nrest"), Some(PictureKind::Png));
        assert_eq!(PictureKind::of(b"\xff\xd8\xff\xe0"), Some(PictureKind::Jpeg));
        assert_eq!(PictureKind::of(b"RIFF\x01\x02\x03\x04WEBPVP8 "), Some(PictureKind::WebP));
        for other in [
            &b""[..],
            b"<svg onload=alert(1)>",
            b"GIF89a",
            b"RIFF\x01\x02\x03\x04WAVE",
            b"\x89PNG",
            b" \x89PNG\r\n\x1a\n",
        ] {
            assert_eq!(PictureKind::of(other), None, "{other:?}");
        }
    }
}
