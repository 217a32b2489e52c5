//! The text around a list: `metadata`, and where the page lies.

use bytes::Bytes;

use crate::config::Dialect;
use crate::shapes::{Scene, put_list};

/// Where a page lies in the whole list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// `metadata` of a list whose pages are counted from `first_page`.
pub(crate) fn metadata(total: usize, current_page: usize, limit: usize) -> String {
    let total_pages = total.div_ceil(limit.max(1));
    format!(r#""metadata":{{"total_elements":{total},"current_page":{current_page},"total_pages":{total_pages}}},"#)
}

/// The body of an employees list: the vendor tells where the page lies, the guide does not.
pub(crate) fn employees(scene: &Scene<'_>, dialect: Dialect, window: Window, total: usize, items: &[Bytes]) -> Vec<u8> {
    let mut body = Vec::with_capacity(256 + items.iter().map(|item| item.len() + 1).sum::<usize>());
    body.extend_from_slice(br#"{"success":true,"#);
    if dialect == Dialect::Vendor {
        if scene.quirks.metadata {
            body.extend_from_slice(metadata(total, window.offset / window.limit.max(1), window.limit).as_bytes());
        }
        body.extend_from_slice(format!(r#""offset":{},"limit":{},"#, window.offset, window.limit).as_bytes());
    }
    body.extend_from_slice(br#""data":"#);
    put_list(&mut body, items);
    body.push(b'}');
    body
}
