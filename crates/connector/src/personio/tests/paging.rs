//! Whatever way a server pages, each of its items is read exactly once.

use std::sync::{Arc, atomic::Ordering};

use gangway_domain::record::Stream;
use proptest::prelude::*;
use serde_json::json;

use super::{
    assert_each_once, connection, first_page,
    vendor::{Dress, FakeVendor, Meta, Offset, Script, list, token},
};
use crate::contract::{Checkpoint, ErrorKind, Page};

async fn read_all(vendor: Arc<FakeVendor>, stream: Stream) -> Vec<String> {
    let connection = connection(vendor).await;
    let source = connection.source().unwrap();
    let mut request = first_page(stream);
    let mut read = Vec::new();
    for _ in 0..1_000 {
        let page = source.read_page(request.clone()).await.unwrap();
        assert!(page.bad.is_empty());
        read.extend(page.records.into_iter().map(|record| record.external.id));
        assert_eq!(page.done, page.next.is_none());
        let Some(next) = page.next else { return read };
        request = request.with_checkpoint(Some(Checkpoint::from_stored(next.into_string())));
    }
    panic!("no end");
}

/// The ways of counting that a stream may meet.
fn ways(stream: Stream) -> Vec<(Offset, Meta, Dress)> {
    let mut ways = Vec::new();
    for meta in [Meta::None, Meta::Full(0), Meta::Full(1), Meta::PagesOnly(0), Meta::PagesOnly(1)] {
        for dress in [Dress::Vendor, Dress::Guide] {
            ways.push((Offset::Items, meta, dress));
            if stream == Stream::Absences {
                ways.push((Offset::Pages, meta, dress));
            }
        }
    }
    ways
}

#[tokio::test]
async fn every_way_of_paging_yields_each_item_once() {
    for stream in Stream::ALL {
        for (offset, meta, dress) in ways(stream) {
            for size in [50, 100, 200] {
                for n in
                    [0, 1, 2, 3, 49, 50, 51, 52, 53, 99, 100, 101, 150, 199, 200, 201, 202, 203, 250, 400, 401, 600]
                {
                    let vendor = Arc::new(FakeVendor::new(n, size, offset, meta, dress));
                    let read = read_all(vendor.clone(), stream).await;
                    let what = format!("{stream:?} {vendor:?}");
                    assert_each_once(&read, n, &what);
                    let asked = if stream == Stream::Employees { 100 } else { 200 };
                    let fewest = n.div_ceil(size.min(asked)).max(1);
                    assert!(vendor.requests.load(Ordering::Relaxed) <= fewest + 2, "too many requests: {what}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn odd_sizes_too(n in 0_usize..900, size in 10_usize..=200, way in 0_usize..20, stream in 0_usize..3) {
        let stream = Stream::ALL[stream];
        let ways = ways(stream);
        let (offset, meta, dress) = ways[way % ways.len()];
        // A server that counts pages and says nothing at all about them is only met at the customary sizes.
        let size = if offset == Offset::Pages && dress == Dress::Guide { 200 } else { size };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let vendor = Arc::new(FakeVendor::new(n, size, offset, meta, dress));
        let read = runtime.block_on(read_all(vendor.clone(), stream));
        assert_each_once(&read, n, &format!("{stream:?} {vendor:?}"));
    }
}

#[tokio::test]
async fn a_server_that_ignores_offsets_does_not_loop() {
    for stream in Stream::ALL {
        for dress in [Dress::Vendor, Dress::Guide] {
            let vendor = Arc::new(FakeVendor::new(120, 50, Offset::Ignored, Meta::None, dress));
            assert_each_once(&read_all(vendor, stream).await, 50, "first page only");
        }
    }
}

fn employee(id: u32) -> serde_json::Value {
    json!({"type": "Employee", "attributes": {"id": {"value": id}}})
}

async fn pages(answers: Vec<gangway_egress::Response>) -> Vec<Page> {
    let n = answers.len();
    let connection = connection(Arc::new(Script::new(std::iter::once(token("papi-1")).chain(answers)))).await;
    let mut request = first_page(Stream::Employees);
    let mut pages = Vec::new();
    for _ in 0..n {
        let page = connection.source().unwrap().read_page(request.clone()).await.unwrap();
        request = request.with_checkpoint(page.next.clone());
        pages.push(page);
    }
    pages
}

#[tokio::test]
async fn a_changed_total_is_reported() {
    let page = |id: u32, total: u32| {
        let body = json!({"success": true, "metadata": {"total_elements": total}, "data": [employee(id)]});
        super::vendor::answer(200, body.to_string())
    };
    let pages = pages(vec![page(1, 3), page(2, 2)]).await;
    assert!(!pages[0].total_changed);
    assert_eq!(pages[0].total, Some(3));
    assert!(pages[1].total_changed && pages[1].done);
}

#[tokio::test]
async fn a_short_page_does_not_end_employees() {
    let pages = pages(vec![
        list(&json!([employee(1), employee(2), employee(3)])),
        list(&json!([employee(4)])),
        list(&json!([employee(5), employee(6)])),
        list(&json!([])),
    ])
    .await;
    assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [3, 1, 2, 0]);
    assert_eq!(pages.iter().map(|page| page.done).collect::<Vec<_>>(), [false, false, false, true]);
}

#[tokio::test]
async fn bad_items_count_in_the_offset() {
    let first = list(&json!([employee(1), {"attributes": {"id": {}}}]));
    let script = Arc::new(Script::new([token("papi-1"), first, list(&json!([]))]));
    let connection = connection(script.clone()).await;
    let page = connection.source().unwrap().read_page(first_page(Stream::Employees)).await.unwrap();
    assert_eq!((page.records.len(), page.bad.len()), (1, 1));
    let next = first_page(Stream::Employees).with_checkpoint(page.next);
    connection.source().unwrap().read_page(next).await.unwrap();
    let sent = script.sent.lock().unwrap();
    assert!(sent[2].query.contains(&("offset".to_owned(), "2".to_owned())));
}

#[tokio::test]
async fn damaged_and_foreign_checkpoints_are_errors() {
    let connection = connection(Arc::new(Script::new([token("papi-1"), list(&json!([employee(1)]))]))).await;
    let source = connection.source().unwrap();
    let of_employees = source.read_page(first_page(Stream::Employees)).await.unwrap().next.unwrap();
    let newer = of_employees.as_str().replace("\"v\":1", "\"v\":2");
    for (stream, text) in [
        (Stream::Attendances, of_employees.as_str()),
        (Stream::Employees, newer.as_str()),
        (Stream::Employees, ""),
        (Stream::Employees, "{}"),
        (Stream::Employees, "\u{0}"),
        (Stream::Employees, r#"{"v":1,"offset":-3}"#),
    ] {
        let request = first_page(stream).with_checkpoint(Some(Checkpoint::from_stored(text)));
        assert_eq!(source.read_page(request).await.unwrap_err().kind, ErrorKind::Refused, "{text}");
    }
}
