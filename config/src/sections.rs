//! Which keys each section has.
//!
//! These tables are the configuration's whole vocabulary: they read it, they show it, they know what to
//! suggest for a slip, and a test holds the manual's page against them. A draft is what a section says
//! before names are looked up.

use std::path::PathBuf;
use std::time::Duration;

use types::{BlockSize, Bytes, HostName};

use crate::changer::{Cleaning, Generation, Node, Profile};
use crate::changer_values::{Device, Drives, DrivesValue};
use crate::codec::{
    Count, Days, Flag, List, Number, Path, Percent, Rate, Size, Spotted, Text, Time, Word, Words,
    maybe, parsed, unless,
};
use crate::keys::{Key, key, list};
use crate::label_values::{Autolabels, LabelRules};
use crate::labels::{Autolabel, LabelRule};
use crate::mail::Address;
use crate::model::{
    Autoflush, Bump, DisplayUnit, DumpOrder, Dumping, Estimate, EstimateLimit, FlushThresholds,
    HoldingDisk, HoldingUse, Interface, Picks, Policy, RunsPerCycle, Selection, SendReport, Site,
    Strategy, Taperalgo, Tapering, Taperscan,
};
use crate::scripts::script_keys;
use crate::special::{
    Always, Block, Compression, CountOrDays, Day, DumpOrders, EstimateTime, FileName, Pattern,
    Priority, Ratios, Runs, Space, StartTime, VaultDraft, selection, vault,
};
use crate::value::Spot;
use crate::words::words;

/// A name of something that is defined elsewhere.
pub(crate) type Name = Option<Spot<String>>;

fn name() -> crate::codec::Maybe<Spotted<Word>> {
    maybe(Spotted(Word))
}

fn names() -> crate::codec::Maybe<List<Spotted<Word>>> {
    maybe(List(Spotted(Word)))
}

/// `[site]`
#[derive(Clone)]
pub(crate) struct SiteDraft {
    pub(crate) site: Site,
    pub(crate) org: Option<String>,
    pub(crate) storage: Option<Vec<Spot<String>>>,
    pub(crate) active_storage: Option<Vec<Spot<String>>>,
    pub(crate) vault_storage: Option<Vec<Spot<String>>>,
    pub(crate) taper: TaperDraft,
}

/// What site, pool and storage may say of volumes.
#[derive(Clone)]
pub(crate) struct TaperDraft {
    pub(crate) tapering: Tapering,
    pub(crate) labelstr: Option<Spot<LabelRule>>,
    pub(crate) autolabel: Option<Spot<Autolabel>>,
    pub(crate) tapetype: Name,
    pub(crate) blocksize: Option<Spot<BlockSize>>,
    pub(crate) policy: Name,
}

/// `[storage.NAME]`, which begins as what the site says and goes on with what its `[pool.NAME]` says.
#[derive(Clone)]
pub(crate) struct StorageDraft {
    pub(crate) comment: String,
    pub(crate) pool_comment: String,
    pub(crate) pool: Name,
    pub(crate) changer: Name,
    pub(crate) taper: TaperDraft,
    pub(crate) set_no_reuse: bool,
    pub(crate) dump_selection: Vec<Selection>,
    pub(crate) vault: Vec<VaultDraft>,
}

/// `[tapetype.NAME]`
#[derive(Clone, Default)]
pub(crate) struct TapetypeDraft {
    pub(crate) comment: String,
    pub(crate) length: Option<Bytes>,
    pub(crate) blocksize: Option<BlockSize>,
    pub(crate) filemark: Bytes,
    pub(crate) speed: Option<Bytes>,
    /// What is said of it: nothing, that there is no limit, or the limit.
    pub(crate) part_size: Option<Option<Bytes>>,
    pub(crate) early_warning: Option<Bytes>,
    pub(crate) compression: bool,
}

/// `[changer.NAME]`
#[derive(Clone, Default)]
pub(crate) struct ChangerDraft {
    pub(crate) comment: String,
    pub(crate) kind: Option<Kind>,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) slots: Option<u32>,
    pub(crate) mail_slots: Option<u32>,
    pub(crate) drives: Option<Drives>,
    pub(crate) cartridges: Option<u32>,
    pub(crate) profile: Option<Profile>,
    pub(crate) generation: Option<Generation>,
    pub(crate) device: Option<Node>,
    pub(crate) drive: Option<Node>,
    pub(crate) eject_before_unload: Option<bool>,
    pub(crate) cleaning: Option<Cleaning>,
    pub(crate) wait_for_operator: Option<Option<Duration>>,
}

words! {
    /// The kinds of changers.
    pub(crate) Kind {
        /// A directory that behaves like a library.
        Vtape = "vtape",
        /// A library that exists only in this program.
        Emulator = "emulator",
        /// A library.
        Robot = "robot",
        /// One drive and an operator.
        Single = "single",
    }
}

/// `[policy.NAME]`
#[derive(Clone)]
pub(crate) struct PolicyDraft {
    pub(crate) tapes: Option<u32>,
    pub(crate) policy: Policy,
}

/// `[holdingdisk.NAME]`
#[derive(Clone)]
pub(crate) struct HoldingDraft {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) disk: HoldingDisk,
}

/// `[interface.NAME]`
#[derive(Clone)]
pub(crate) struct InterfaceDraft {
    pub(crate) rate: Option<Bytes>,
    pub(crate) interface: Interface,
}

/// `[dumptype.NAME]`
#[derive(Clone)]
pub(crate) struct DumptypeDraft {
    pub(crate) inherits: Vec<Spot<String>>,
    pub(crate) dumping: Dumping,
    index: (),
}

impl DumptypeDraft {
    pub(crate) fn new(dumping: Dumping) -> Self {
        Self { inherits: Vec::new(), dumping, index: () }
    }
}

/// `[[dle]]`
#[derive(Clone)]
pub(crate) struct DleDraft {
    pub(crate) host: Option<Spot<HostName>>,
    pub(crate) name: Option<Spot<String>>,
    pub(crate) path: Option<Spot<PathBuf>>,
    pub(crate) dumptype: Name,
    pub(crate) interface: Name,
    pub(crate) how: DumptypeDraft,
}

impl StorageDraft {
    pub(crate) fn new(taper: TaperDraft) -> Self {
        Self {
            comment: String::new(),
            pool_comment: String::new(),
            pool: None,
            changer: None,
            taper,
            set_no_reuse: false,
            dump_selection: Vec::new(),
            vault: Vec::new(),
        }
    }
}

impl DleDraft {
    pub(crate) fn new(dumping: Dumping) -> Self {
        let how = DumptypeDraft::new(dumping);
        Self { host: None, name: None, path: None, dumptype: None, interface: None, how }
    }
}

/// Days between fulls and all the other numbers that Amanda begins with, except where a comment says why
/// not.
pub(crate) fn default_site(directory: PathBuf, site_name: String) -> Site {
    Site {
        org: site_name.clone(),
        name: site_name,
        mailto: Vec::new(),
        mailer: PathBuf::from("/usr/sbin/sendmail"),
        smtp: None,
        smtp_login: None,
        smtp_ca: None,
        mailfrom: None,
        send_report_on: SendReport::All,
        displayunit: DisplayUnit::Auto,
        catalogue: PathBuf::from("catalogue.sqlite"),
        indexdir: PathBuf::from("index"),
        logdir: PathBuf::from("log"),
        directory,
        runspercycle: RunsPerCycle::Daily,
        inparallel: 10,
        dumporder: vec![
            DumpOrder::ShortTime,
            DumpOrder::ShortTime,
            DumpOrder::ShortTime,
            DumpOrder::LongTime,
        ],
        netusage: Bytes::KIB.times(80_000),
        maxdumpsize: None,
        maxduration: None,
        reserve: 100,
        etimeout: EstimateLimit::Each(Duration::from_secs(300)),
        dtimeout: Duration::from_secs(1800),
        ctimeout: Duration::from_secs(30),
        storage: Vec::new(),
        active_storage: Vec::new(),
        vault_storage: Vec::new(),
        tapering: default_tapering(),
        dumping: default_dumping(),
    }
}

fn default_tapering() -> Tapering {
    Tapering {
        tapecycle: 15,
        runtapes: 1,
        taperscan: Taperscan::Traditional,
        taperalgo: Taperalgo::First,
        taper_parallel_write: 1,
        max_dle_by_volume: None,
        autoflush: Autoflush::No,
        flush: FlushThresholds::default(),
        // Amanda's 1.25 MiB are less than a drive takes in a hundredth of a second.
        device_output_buffer_size: Bytes::MIB.times(64),
        eject_volume: false,
        erase_volume: false,
        report_use_media: true,
        report_next_media: true,
        labelstr: LabelRule::MatchAutolabel,
        autolabel: None,
    }
}

pub(crate) fn default_dumping() -> Dumping {
    Dumping {
        comment: String::new(),
        strategy: Strategy::Standard,
        priority: 1,
        dumpcycle: 10,
        bump: Bump { size: Bytes::MIB.times(10), percent: 0, mult: 1.5, days: 2 },
        maxpromoteday: 10_000,
        maxdumps: 1,
        spindle: None,
        starttime: None,
        retry_dump: 2,
        skip_full: false,
        skip_incr: false,
        ignore: false,
        record: true,
        estimate: vec![Estimate::Client],
        comprate: (0.5, 0.5),
        holdingdisk: HoldingUse::Auto,
        allow_split: true,
        script: Vec::new(),
        tag: Vec::new(),
        max_warnings: 20,
        compress_level: 3,
        frame_size: Bytes::MIB.times(4),
        picks: Picks {
            include: Vec::new(),
            exclude: Vec::new(),
            exclude_files: Vec::new(),
            exclude_if_present: Vec::new(),
            exclude_caches: false,
            one_file_system: true,
            max_file_size: None,
        },
        xattrs: true,
        acls: true,
        atime: false,
    }
}

pub(crate) fn taper_draft(site: &Site) -> TaperDraft {
    let tapering = site.tapering.clone();
    TaperDraft {
        tapering,
        labelstr: None,
        autolabel: None,
        tapetype: None,
        blocksize: None,
        policy: None,
    }
}

/// The bound of numbers that nobody has reason to exceed.
const MANY: u32 = 100_000;

pub(crate) fn site_keys() -> Vec<Key<SiteDraft>> {
    let mut keys = vec![
        key("org", maybe(Word), |d: &mut SiteDraft| &mut d.org),
        key("mailto", List(Address), |d| &mut d.site.mailto),
        key("mailfrom", maybe(Address), |d| &mut d.site.mailfrom),
        key("mailer", Path, |d| &mut d.site.mailer),
        key("smtp", maybe(parsed()), |d| &mut d.site.smtp),
        key("smtp-login", maybe(Path), |d| &mut d.site.smtp_login),
        key("smtp-ca", maybe(Path), |d| &mut d.site.smtp_ca),
        key("send-amreport-on", Words::new(SendReport::WORDS), |d| &mut d.site.send_report_on),
        key("displayunit", Words::new(DisplayUnit::WORDS), |d| &mut d.site.displayunit),
        key("catalogue", Path, |d| &mut d.site.catalogue),
        key("indexdir", Path, |d| &mut d.site.indexdir),
        key("logdir", Path, |d| &mut d.site.logdir),
        key("storage", names(), |d| &mut d.storage),
        key("active-storage", names(), |d| &mut d.active_storage),
        key("vault-storage", names(), |d| &mut d.vault_storage),
        key("runspercycle", Runs, |d| &mut d.site.runspercycle),
        key("tapecycle", Count(1..=MANY), |d| &mut d.taper.tapering.tapecycle),
        key("inparallel", Count(1..=1000), |d| &mut d.site.inparallel),
        key("dumporder", DumpOrders, |d| &mut d.site.dumporder),
        key("netusage", Rate, |d| &mut d.site.netusage),
        key("maxdumpsize", unless(-1, Size(1..=u64::MAX)), |d| &mut d.site.maxdumpsize),
        key("maxduration", unless(-1, Time), |d| &mut d.site.maxduration),
        key("reserve", Percent(100), |d| &mut d.site.reserve),
        key("etimeout", EstimateTime, |d| &mut d.site.etimeout),
        key("dtimeout", Time, |d| &mut d.site.dtimeout),
        key("ctimeout", Time, |d| &mut d.site.ctimeout),
    ];
    keys.extend(taper_keys().into_iter().map(|k| k.within(|d: &mut SiteDraft| &mut d.taper)));
    keys.extend(
        cycle_keys().into_iter().map(|k| k.within(|d: &mut SiteDraft| &mut d.site.dumping)),
    );
    keys
}

/// What a storage may say, and the site for all storages.
fn taper_keys() -> Vec<Key<TaperDraft>> {
    let mut keys = volume_keys();
    keys.extend([
        key("runtapes", Count(1..=MANY), |d: &mut TaperDraft| &mut d.tapering.runtapes),
        key("taperscan", Words::new(Taperscan::WORDS), |d| &mut d.tapering.taperscan),
        key("taperalgo", Words::new(Taperalgo::WORDS), |d| &mut d.tapering.taperalgo),
        key("taper-parallel-write", Count(1..=1000), |d| &mut d.tapering.taper_parallel_write),
        key("max-dle-by-volume", unless(0, Count(1..=1_000_000_000)), |d| {
            &mut d.tapering.max_dle_by_volume
        }),
        key("autoflush", autoflush(), |d| &mut d.tapering.autoflush),
        key("flush-threshold-dumped", Percent(10_000), |d| &mut d.tapering.flush.dumped),
        key("flush-threshold-scheduled", Percent(10_000), |d| &mut d.tapering.flush.scheduled),
        key("taperflush", Percent(10_000), |d| &mut d.tapering.flush.taperflush),
        key("device-output-buffer-size", Size(64 << 10..=64 << 30), |d| {
            &mut d.tapering.device_output_buffer_size
        }),
        key("eject-volume", Flag, |d| &mut d.tapering.eject_volume),
        key("erase-volume", Flag, |d| &mut d.tapering.erase_volume),
        key("report-use-media", Flag, |d| &mut d.tapering.report_use_media),
        key("report-next-media", Flag, |d| &mut d.tapering.report_next_media),
    ]);
    keys
}

fn autoflush() -> Words<Autoflush> {
    Words { words: Autoflush::WORDS, no_yes: Some([Autoflush::No, Autoflush::Yes]) }
}

/// What a pool may say, too.
fn volume_keys() -> Vec<Key<TaperDraft>> {
    vec![
        key("labelstr", maybe(LabelRules), |d: &mut TaperDraft| &mut d.labelstr),
        key("autolabel", maybe(Autolabels), |d| &mut d.autolabel),
        key("tapetype", name(), |d| &mut d.tapetype),
        key("blocksize", maybe(Spotted(Block)), |d| &mut d.blocksize),
        key("policy", name(), |d| &mut d.policy),
    ]
}

pub(crate) fn pool_keys() -> Vec<Key<StorageDraft>> {
    let mut keys = vec![key("comment", Text, |d: &mut StorageDraft| &mut d.pool_comment)];
    keys.extend(volume_keys().into_iter().map(|k| k.within(|d: &mut StorageDraft| &mut d.taper)));
    keys
}

pub(crate) fn storage_keys() -> Vec<Key<StorageDraft>> {
    let mut keys = vec![
        key("comment", Text, |d: &mut StorageDraft| &mut d.comment),
        key("tapepool", name(), |d| &mut d.pool),
        key("tpchanger", name(), |d| &mut d.changer),
        key("set-no-reuse", Flag, |d| &mut d.set_no_reuse),
        list("dump-selection", selection(), |d| &mut d.dump_selection),
        list("vault", vault(), |d| &mut d.vault),
    ];
    keys.extend(taper_keys().into_iter().map(|k| k.within(|d: &mut StorageDraft| &mut d.taper)));
    keys
}

pub(crate) fn tapetype_keys() -> Vec<Key<TapetypeDraft>> {
    vec![
        key("comment", Text, |d: &mut TapetypeDraft| &mut d.comment),
        key("length", maybe(Size(1 << 20..=u64::MAX)), |d| &mut d.length),
        key("blocksize", maybe(Block), |d| &mut d.blocksize),
        key("filemark", Size(0..=1 << 40), |d| &mut d.filemark),
        key("speed", maybe(Rate), |d| &mut d.speed),
        key("part-size", maybe(unless(0, Size(1 << 20..=u64::MAX))), |d| &mut d.part_size),
        key("early-warning", maybe(Size(1 << 20..=60 << 30)), |d| &mut d.early_warning),
        key("compression", Flag, |d| &mut d.compression),
    ]
}

pub(crate) fn changer_keys() -> Vec<Key<ChangerDraft>> {
    vec![
        key("comment", Text, |d: &mut ChangerDraft| &mut d.comment),
        key("type", maybe(Words::new(Kind::WORDS)), |d| &mut d.kind),
        key("directory", maybe(Path), |d| &mut d.directory),
        key("slots", maybe(Count(1..=10_000)), |d| &mut d.slots),
        key("mail-slots", maybe(Count(0..=1000)), |d| &mut d.mail_slots),
        key("drives", maybe(DrivesValue), |d| &mut d.drives),
        key("cartridges", maybe(Count(0..=10_000)), |d| &mut d.cartridges),
        key("profile", maybe(Words::new(Profile::WORDS)), |d| &mut d.profile),
        key("generation", maybe(Words::new(Generation::WORDS)), |d| &mut d.generation),
        key("device", maybe(Device), |d| &mut d.device),
        key("drive", maybe(Device), |d| &mut d.drive),
        key("eject-before-unload", maybe(Flag), |d| &mut d.eject_before_unload),
        key("cleaning", maybe(Words::new(Cleaning::WORDS)), |d| &mut d.cleaning),
        key("wait-for-operator", maybe(unless(0, Time)), |d| &mut d.wait_for_operator),
    ]
}

pub(crate) fn policy_keys() -> Vec<Key<PolicyDraft>> {
    vec![
        key("comment", Text, |d: &mut PolicyDraft| &mut d.policy.comment),
        key("retention-tapes", maybe(Count(0..=MANY)), |d| &mut d.tapes),
        key("retention-days", CountOrDays, |d| &mut d.policy.retention_days),
        key("retention-recover", CountOrDays, |d| &mut d.policy.retention_recover),
        key("retention-full", Count(0..=MANY), |d| &mut d.policy.retention_full),
        key("retention-cycles", Count(0..=MANY), |d| &mut d.policy.retention_cycles),
        key("keep-until", maybe(Day), |d| &mut d.policy.keep_until),
    ]
}

pub(crate) fn holding_keys() -> Vec<Key<HoldingDraft>> {
    vec![
        key("comment", Text, |d: &mut HoldingDraft| &mut d.disk.comment),
        key("directory", maybe(Path), |d| &mut d.directory),
        key("use", Space, |d| &mut d.disk.use_space),
        key("chunksize", unless(0, Size(64 << 10..=u64::MAX)), |d| &mut d.disk.chunksize),
    ]
}

pub(crate) fn interface_keys() -> Vec<Key<InterfaceDraft>> {
    vec![
        key("comment", Text, |d: &mut InterfaceDraft| &mut d.interface.comment),
        key("use", maybe(Rate), |d| &mut d.rate),
    ]
}

pub(crate) fn dumptype_keys() -> Vec<Key<DumptypeDraft>> {
    let mut keys = vec![
        key("inherits", List(Spotted(Word)), |d: &mut DumptypeDraft| &mut d.inherits),
        key("index", Always("every dump has an index"), |d| &mut d.index),
    ];
    keys.extend(
        dumping_keys().into_iter().map(|k| k.within(|d: &mut DumptypeDraft| &mut d.dumping)),
    );
    keys
}

pub(crate) fn dle_keys() -> Vec<Key<DleDraft>> {
    let mut keys = vec![
        key("host", maybe(Spotted(parsed())), |d: &mut DleDraft| &mut d.host),
        key("name", name(), |d| &mut d.name),
        key("path", maybe(Spotted(Path)), |d| &mut d.path),
        key("dumptype", name(), |d| &mut d.dumptype),
        key("interface", name(), |d| &mut d.interface),
    ];
    let how = dumptype_keys().into_iter().filter(|k| k.name != "inherits");
    keys.extend(how.map(|k| k.within(|d: &mut DleDraft| &mut d.how)));
    keys
}

/// What a dumptype may say, and the site for all dumptypes.
fn cycle_keys() -> Vec<Key<Dumping>> {
    vec![
        key("dumpcycle", Days, |d: &mut Dumping| &mut d.dumpcycle),
        key("maxdumps", Count(1..=1000), |d| &mut d.maxdumps),
        key("bumpsize", Size(0..=u64::MAX), |d| &mut d.bump.size),
        key("bumppercent", Percent(100), |d| &mut d.bump.percent),
        key("bumpmult", Number(1.0..=1000.0), |d| &mut d.bump.mult),
        key("bumpdays", CountOrDays, |d| &mut d.bump.days),
    ]
}

/// What a dumptype may say.
pub(crate) fn dumping_keys() -> Vec<Key<Dumping>> {
    let holding =
        Words { words: HoldingUse::WORDS, no_yes: Some([HoldingUse::Never, HoldingUse::Auto]) };
    let mut keys = vec![
        key("comment", Text, |d: &mut Dumping| &mut d.comment),
        key("strategy", Words::new(Strategy::WORDS), |d| &mut d.strategy),
        key("priority", Priority, |d| &mut d.priority),
    ];
    keys.extend(cycle_keys());
    keys.extend([
        key("maxpromoteday", Count(0..=MANY), |d: &mut Dumping| &mut d.maxpromoteday),
        key("spindle", unless(-1, Count(0..=MANY)), |d| &mut d.spindle),
        key("starttime", StartTime, |d| &mut d.starttime),
        key("retry-dump", Count(1..=100), |d| &mut d.retry_dump),
        key("skip-full", Flag, |d| &mut d.skip_full),
        key("skip-incr", Flag, |d| &mut d.skip_incr),
        key("ignore", Flag, |d| &mut d.ignore),
        key("record", Flag, |d| &mut d.record),
        key("estimate", List(Words::new(Estimate::WORDS)), |d| &mut d.estimate),
        key("comprate", Ratios, |d| &mut d.comprate),
        key("holdingdisk", holding, |d| &mut d.holdingdisk),
        key("allow-split", Flag, |d| &mut d.allow_split),
        list("script", Word, |d| &mut d.script),
        list("tag", Word, |d| &mut d.tag),
        key("max-warnings", Count(0..=1_000_000), |d| &mut d.max_warnings),
        key("compress-level", Compression, |d| &mut d.compress_level),
        key("frame-size", Size(256 << 10..=16 << 20), |d| &mut d.frame_size),
        list("include", Pattern { excludes: false }, |d| &mut d.picks.include),
        list("exclude", Pattern { excludes: true }, |d| &mut d.picks.exclude),
        list("exclude-list", Path, |d| &mut d.picks.exclude_files),
        list("exclude-if-present", FileName, |d| &mut d.picks.exclude_if_present),
        key("exclude-caches", Flag, |d| &mut d.picks.exclude_caches),
        key("one-file-system", Flag, |d| &mut d.picks.one_file_system),
        key("max-file-size", unless(0, Size(1..=u64::MAX)), |d| &mut d.picks.max_file_size),
        key("xattrs", Flag, |d| &mut d.xattrs),
        key("acls", Flag, |d| &mut d.acls),
        key("atime", Flag, |d| &mut d.atime),
    ]);
    keys
}

/// The keys of every section: to say where a misplaced one belongs, and to complete a word.
pub fn vocabulary() -> Vec<(&'static str, Vec<&'static str>)> {
    fn of<S>(keys: Vec<Key<S>>) -> Vec<&'static str> {
        keys.iter().map(|key| key.name).collect()
    }
    vec![
        ("[site]", of(site_keys())),
        ("[tapetype.NAME]", of(tapetype_keys())),
        ("[changer.NAME]", of(changer_keys())),
        ("[policy.NAME]", of(policy_keys())),
        ("[pool.NAME]", of(pool_keys())),
        ("[storage.NAME]", of(storage_keys())),
        ("[holdingdisk.NAME]", of(holding_keys())),
        ("[interface.NAME]", of(interface_keys())),
        ("[script.NAME]", of(script_keys())),
        ("[dumptype.NAME]", of(dumptype_keys())),
        ("[[dle]]", of(dle_keys())),
    ]
}
