//! `list holding`: what waits on the holding disks, as the catalogue has it, and whole images that it does not know.
//!
//! A crash between an image and its row leaves one of those, and so does a holding disk that comes from elsewhere. The next
//! run takes them over. While a run is at work they are not looked for: then images arrive that no row speaks of yet.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;
use taper::catalogue::Catalogue;
use types::{Bytes, DleRef, DumpId, Level, Stamp};

use super::super::{Context, Exit};
use super::{Listing, say};
use crate::clock::stamp_text;
use crate::night::equipment;
use crate::night::estimate::with_causes;
use crate::report::plural;
use crate::site::Site;
use crate::{holding, print};

/// An image on a holding disk.
struct Image {
    dump: DumpId,
    run: Stamp,
    dle: DleRef,
    level: Level,
    bytes: Bytes,
    path: PathBuf,
    standing: Standing,
}

/// What the catalogue says of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Known,
    Unknown,
}

pub(super) fn list(
    context: &Context,
    site: &Site,
    catalogue: &Catalogue,
    wanted: &dyn Fn(&DleRef) -> bool,
) -> anyhow::Result<Exit> {
    let images = images(site, catalogue, wanted)?;
    let exit = say(context, &images, &HOLDING)?;
    let unknown = images.iter().filter(|image| image.standing == Standing::Unknown).count();
    if unknown > 0 && !context.json {
        print::remark(&format!(
            "{} that the catalogue does not know: the next run takes them over, and `reelkeep cleanup` does so now",
            plural(unknown, "image")
        ));
    }
    Ok(exit)
}

/// The held images of the DLEs that are meant, those that the catalogue does not know last.
fn images(
    site: &Site,
    catalogue: &Catalogue,
    wanted: &dyn Fn(&DleRef) -> bool,
) -> anyhow::Result<Vec<Image>> {
    let mut images = Vec::new();
    let mut known = BTreeSet::new();
    for held in catalogue.held()? {
        let dump = catalogue.dump(held.dump)?.dump;
        known.insert(held.dump);
        images.push(Image {
            dump: dump.id,
            run: dump.run,
            dle: dump.dle,
            level: dump.level,
            bytes: held.bytes,
            path: held.path,
            standing: Standing::Known,
        });
    }
    if site.at_work().is_none() {
        images.extend(unknown(site, &known));
    }
    images.retain(|image| wanted(&image.dle));
    Ok(images)
}

fn unknown(site: &Site, known: &BTreeSet<DumpId>) -> Vec<Image> {
    let scan = holding::scan(&equipment::disks(&site.config, &[])).unwrap_or_else(|error| {
        print::remark(&format!("the holding disks were not looked at: {}", with_causes(&error)));
        holding::Scan::default()
    });
    let unknown = scan.held.into_iter().filter(|held| !known.contains(&held.name().dump));
    let image = |held: holding::Held| Image {
        dump: held.name().dump,
        run: held.name().run,
        dle: held.name().dle.clone(),
        level: held.name().level,
        bytes: held.bytes(),
        path: held.path().to_owned(),
        standing: Standing::Unknown,
    };
    unknown.map(image).collect()
}

const HOLDING: Listing<Image> = Listing {
    heading: &["RUN", "HOST", "DLE", "LEVEL", "BYTES", "CATALOGUE", "FILE"],
    right: &[3, 4],
    row: |image| {
        let standing = match image.standing {
            Standing::Known => "known",
            Standing::Unknown => "NOT KNOWN",
        };
        vec![
            stamp_text(image.run),
            image.dle.host.to_string(),
            image.dle.dle.to_string(),
            image.level.to_string(),
            image.bytes.to_string(),
            standing.to_owned(),
            image.path.display().to_string(),
        ]
    },
    value: |image| {
        json!({
            "dump": image.dump, "run": image.run, "host": image.dle.host, "dle": image.dle.dle, "level": image.level,
            "bytes": image.bytes, "path": image.path, "known": image.standing == Standing::Known,
        })
    },
};

#[cfg(test)]
mod tests {
    use config::Quickstart;
    use taper::catalogue::{Dump, RunKind};

    use super::*;
    use crate::holding::{About, Arriving, ImageName};
    use crate::night::tidy;

    #[test]
    fn an_image_that_the_catalogue_does_not_know_is_listed_and_marked() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let text = config::quickstart(&Quickstart::new(root.clone(), vec![root.clone()])).unwrap();
        std::fs::write(root.join("reelkeep.toml"), text).unwrap();
        let site = Site::of(root.clone(), config::load(&root).unwrap());
        let run: Stamp = "20260102030000".parse().unwrap();
        let mut catalogue = site.catalogue().unwrap();
        catalogue.begin_run(run, RunKind::Dump, run, "test").unwrap();

        let disks = equipment::disks(&site.config, &[]);
        for (id, host) in [(1, "known"), (2, "strange")] {
            let dle = DleRef { host: host.parse().unwrap(), dle: "/srv".parse().unwrap() };
            let dump = Dump { id: DumpId([id; 16]), dle, ..tidy::tests::dump(run) };
            let Dump { id, dle, level, .. } = dump.clone();
            let name = ImageName { run, dle, level, dump: id, base: None };
            let mut image = Arriving::begin(disks.clone(), name, [(0, Bytes::MIB)]);
            image.write(b"frames").unwrap();
            let held = image.commit(About { raw: Bytes(9), crc32c: 0 }).unwrap();
            if host == "known" {
                catalogue.record_held(&dump, &[], held.path(), held.bytes()).unwrap();
            }
        }
        let listed = |wanted: &dyn Fn(&DleRef) -> bool| {
            let images = images(&site, &catalogue, wanted).unwrap();
            let value = |image: &Image| {
                let value = (HOLDING.value)(image);
                (value["host"].as_str().unwrap().to_owned(), value["known"].as_bool().unwrap())
            };
            images.iter().map(value).collect::<Vec<_>>()
        };
        let all = [("known".to_owned(), true), ("strange".to_owned(), false)];
        assert_eq!(listed(&|_| true), all);
        assert_eq!(listed(&|dle| dle.host.as_str() == "strange"), all[1..]);
        let strange = &images(&site, &catalogue, &|_| true).unwrap()[1];
        assert!((HOLDING.row)(strange).contains(&"NOT KNOWN".to_owned()));
    }
}
