//! Small generated profile pictures: a mirrored pattern of the person's id as a two-colour PNG.

/// Renders a valid PNG of `size` × `size` dots.
pub(crate) fn png(id: u64, size: u32) -> Vec<u8> {
    let size = size.clamp(1, 1_000);
    let mut rows = Vec::with_capacity((size as usize) * (size as usize / 8 + 2));
    for y in 0..size {
        rows.push(0);
        let mut byte = 0_u8;
        for x in 0..size {
            let dot = u8::from(is_set(id, x * 8 / size, y * 8 / size));
            byte = byte << 1 | dot;
            if x % 8 == 7 {
                rows.push(byte);
                byte = 0;
            }
        }
        if !size.is_multiple_of(8) {
            rows.push(byte << (8 - size % 8));
        }
    }
    let [.., red, green, blue] = id.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend_from_slice(&size.to_be_bytes());
    header.extend_from_slice(&size.to_be_bytes());
    // One bit per dot, palette, deflate, no filter, not interlaced.
    header.extend_from_slice(&[1, 3, 0, 0, 0]);
    chunk(&mut out, *b"IHDR", &header);
    chunk(&mut out, *b"PLTE", &[245, 245, 245, red, green, blue]);
    chunk(&mut out, *b"IDAT", &zlib(&rows));
    chunk(&mut out, *b"IEND", &[]);
    out
}

fn is_set(id: u64, x: u32, y: u32) -> bool {
    let column = if x < 4 { x } else { 7 - x };
    id.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> (y * 4 + column) & 1 == 1
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let start = out.len();
    out.extend_from_slice(&kind);
    out.extend_from_slice(data);
    let sum = crc32(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&sum.to_be_bytes());
}

/// Stored blocks only: pictures are a few kilobytes.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend_from_slice(&(b << 16 | a).to_be_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_the_published_ones() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(zlib(b"Wikipedia").get(16..), Some([0x11, 0xE6, 0x03, 0x98].as_slice()));
    }

    #[test]
    fn the_picture_has_the_size_asked_for() {
        for size in [1, 7, 8, 75, 600] {
            let picture = png(42, size);
            assert_eq!(picture.get(16..20), Some(size.to_be_bytes().as_slice()));
            assert!(picture.ends_with(b"IEND\xAE\x42\x60\x82"));
        }
        assert_ne!(png(1, 8), png(2, 8));
    }
}
