//! INQUIRY and vital product data.

#![no_main]

use devices::scsi::page::{designators, inquiry, protection, vpd};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = inquiry::decode(bytes);
    let _ = vpd::supported(bytes);
    let _ = vpd::serial(bytes);
    let _ = vpd::manufacturer_serial(bytes);
    let _ = vpd::automation_serial(bytes);
    let _ = vpd::element_address(bytes);
    let _ = vpd::capabilities(bytes);
    let _ = vpd::tape_alerts(bytes);
    let _ = protection::offers(bytes);
    for designator in designators::decode(bytes).unwrap_or_default() {
        let _ = designator.name.serial();
    }
});
