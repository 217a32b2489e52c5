//! The whole suite in the variants that differ most, and the reading of everything in all of them.

use gangway_connector::ReadMode;
use gangway_domain::record::Stream;
use gangway_sandbox::{Dialect, HeaderFamily, LimiterKind, TokenMode};
use gangway_testkit::behaviour::{self, Size, Subject, assert_each_once, assert_same_values};

use super::{emulator::Variant, endpoints};

const BUCKET: LimiterKind = LimiterKind::Bucket { burst: 20 };

#[tokio::test]
async fn the_vendor_of_today() {
    behaviour::run(&Variant::VENDOR.harness()).await;
    endpoints::assert_tested("/v1/");
}

#[tokio::test]
async fn a_vendor_that_changes_its_token_with_every_answer() {
    let variant = Variant { tokens: TokenMode::Rotating, limiter: LimiterKind::Fixed, ..Variant::VENDOR };
    behaviour::run(&Variant { headers: HeaderFamily::RetryAfter, ..variant }.harness()).await;
}

#[tokio::test]
async fn a_vendor_without_metadata_and_with_a_small_bucket() {
    let variant = Variant { metadata: false, limiter: BUCKET, headers: HeaderFamily::Replenish, ..Variant::VENDOR };
    behaviour::run(&variant.harness()).await;
}

#[tokio::test]
async fn a_vendor_without_metadata_and_with_changing_tokens() {
    let variant = Variant { metadata: false, tokens: TokenMode::Rotating, ..Variant::VENDOR };
    behaviour::run(&Variant { headers: HeaderFamily::Guide, ..variant }.harness()).await;
}

#[tokio::test]
async fn a_vendor_that_is_read_through_version_2() {
    behaviour::run(&Variant::V2.harness()).await;
    endpoints::assert_tested("/v2/");
}

#[tokio::test]
async fn a_vendor_of_which_each_stream_is_read_through_the_version_that_suits_it() {
    behaviour::run(&Variant::AUTO.harness()).await;
}

#[tokio::test]
async fn a_system_built_after_the_guide() {
    behaviour::run(&Variant::GUIDE.harness()).await;
}

#[tokio::test]
async fn a_system_built_after_the_guide_with_a_small_bucket() {
    behaviour::run(&Variant { limiter: BUCKET, headers: HeaderFamily::Replenish, ..Variant::GUIDE }.harness()).await;
}

fn every_variant() -> Vec<Variant> {
    let mut variants = Vec::new();
    for dialect in [Dialect::Vendor, Dialect::Guide] {
        for limiter in [LimiterKind::Sliding, LimiterKind::Fixed, BUCKET] {
            for headers in [HeaderFamily::None, HeaderFamily::Replenish, HeaderFamily::Guide, HeaderFamily::RetryAfter]
            {
                for tokens in [TokenMode::Stable, TokenMode::Rotating] {
                    for metadata in [true, false] {
                        variants.push(Variant { dialect, limiter, headers, tokens, metadata, api: "v1" });
                    }
                }
            }
        }
    }
    variants
}

#[tokio::test]
async fn every_variant_gives_every_record_once_without_a_429() {
    for variant in every_variant() {
        let size = Size { people: 101, absences_each: 1, attendances_each: 1 };
        let subject = Subject::start(&variant.harness(), size).await;
        for stream in Stream::ALL {
            let read = subject.read(stream, ReadMode::All).await;
            let expected = subject.account.records(stream);
            assert_each_once(&subject.name, &expected, &read.ids());
            assert_same_values(&subject.name, &expected, &read.records);
        }
        let traffic = subject.account.traffic();
        assert_eq!((traffic.authentications, traffic.denied, traffic.too_many), (1, 0, 0), "{}", subject.name);
    }
}
