//! Log pages: each decoder on whatever comes.

#![no_main]

use devices::scsi::page::PageCode;
use devices::scsi::page::log::maker::Maker;
use devices::scsi::page::log::{
    Log, alerts, capacity, changer, compression, device_status, errors, maker, recovery,
    sequential, statistics, supported, usage, volume,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(first) = bytes.first() else { return };
    let code = PageCode::page(first & 0x3f);
    if let Ok(log) = Log::decode("it", code, bytes) {
        let values: usize = log.parameters().iter().map(|parameter| parameter.value.len()).sum();
        assert!(values <= bytes.len());
    }
    let _ = supported(bytes);
    let _ = alerts::alerts(bytes);
    let _ = alerts::response(bytes);
    let _ = capacity::decode(bytes);
    let _ = changer::decode(bytes);
    let _ = compression::decode(code, bytes);
    let _ = device_status::decode(bytes);
    let _ = errors::decode(code, bytes);
    for maker in [Maker::Ibm, Maker::Hp, Maker::Quantum, Maker::Powervault, Maker::Other] {
        let _ = maker::decode(maker, code, bytes);
    }
    let _ = recovery::decode(bytes);
    let _ = sequential::decode(bytes);
    let _ = statistics::decode(bytes);
    let _ = usage::decode(bytes);
    let _ = volume::decode(bytes);
});
