//! The binding for LuaJIT, by LÖVE. A game of it, with a window: a node is scaled in while twelve players are drawn, and the
//! game says whether anybody's circle jumped. Its picture is looked at; `BLESS=1` makes it that of the README.

#![cfg(target_os = "linux")] // it knows this system's names of libraries and tools

mod native;

use native::server::Server;
use native::{library_dir, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

const PLAYERS: usize = 12;
const FRAMES: &str = "300";
const DRAINED: &str = "node-1";

/// Milliseconds each way. So far that reconnecting takes long also in the slow motion of a busy machine.
const FAR_MS: &str = "250";

/// Background, behind everything that the game draws.
const DARK: u8 = 40;

/// Two circles that are nearer to each other may hide each other's middle.
const APART: u32 = 26;

/// Whether there is LÖVE, and a screen for it. Where releases are made both must be there.
fn has_love() -> bool {
    let found = ["love", "xvfb-run", "xauth"].iter().all(|program| native::is_installed(program));
    if !found {
        assert!(std::env::var_os("STERNA_NEED_LOVE").is_none(), "love, xvfb or xauth is not installed");
        println!("LÖVE is not installed (Debian: apt install love xvfb xauth): this was not tried");
    }
    found
}

/// What the game said, by the first word of each line.
#[derive(Debug, Default)]
struct Said {
    /// The node of each player at first.
    at: BTreeMap<String, String>,
    /// From where to where each player was moved.
    moved: BTreeMap<String, (String, String)>,
    circles: Vec<Spot>,
    trails: Vec<Spot>,
    result: String,
    /// Whether it ended as after a good play.
    is_well: bool,
}

/// Where something is to be seen, and in which colour.
#[derive(Clone, Debug)]
struct Spot {
    node: String,
    colour: [u8; 3],
    x: u32,
    y: u32,
}

impl Said {
    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["at", player, node] => drop(self.at.insert(player.into(), node.into())),
            ["moved", player, from, to, ..] => {
                let twice = self.moved.insert(player.into(), (from.into(), to.into()));
                assert_eq!(twice, None, "{line}");
            }
            ["circle", _, ..] => self.circles.push(spot(&words)),
            ["trail", _, ..] => self.trails.push(spot(&words)),
            ["result:", ..] => line.clone_into(&mut self.result),
            _ => {}
        }
    }
}

fn spot(words: &[&str]) -> Spot {
    let [_, _, node, red, green, blue, x, y] = words[..] else { panic!("a spot in another form: {words:?}") };
    let channel = |word: &str| word.parse().expect("0 to 255");
    let place = |word: &str| word.parse().expect("within the picture");
    Spot {
        node: node.into(),
        colour: [channel(red), channel(green), channel(blue)],
        x: place(x),
        y: place(y),
    }
}

/// Lets the game play, and scales a node in when it is ready.
fn play(options: &[&str], dir: &Path) -> Said {
    // The processors draw what a graphics card should: two games at once would hinder each other.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Server::start(&[]);
    let errors = dir.join("stderr");
    let mut game = Command::new("xvfb-run")
        .args(["-a", "-s", "-screen 0 1024x768x24", "love"])
        .arg(root().join("examples/love"))
        .args(options)
        .args(["--trial", FRAMES])
        .arg(dir.join("love.png"))
        .args(tokens(&server))
        .env("STERNA_LIBRARY", library_dir().join("libsterna.so"))
        .env("HOME", dir)
        .env("SDL_AUDIODRIVER", "dummy")
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env_remove("XDG_DATA_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&errors).expect("the folder is there"))
        .spawn()
        .expect("it was tried before");
    let mut said = Said::default();
    for line in BufReader::new(game.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("the game speaks UTF-8");
        println!("{line}");
        said.line(&line);
        if line == "ready" {
            server.scale_in(DRAINED);
        }
    }
    said.is_well = game.wait().expect("it was started").success();
    let errors = fs::read_to_string(errors).expect("it was made");
    assert!(!said.result.is_empty(), "the game has not come to its end: {errors}");
    said
}

/// As a backend makes them that spreads players; those of a room come from several nodes.
fn tokens(server: &Server) -> Vec<String> {
    let node_of = |index: usize| index / 3 + index % 3;
    let token = |index| server.token_for_node(&format!("player-{}", index + 1), node_of(index));
    (0..PLAYERS).map(token).collect()
}

/// Exactly those who were at the node that went away have moved, and to nodes that stay.
fn assert_moves(said: &Said) {
    let of_node =
        |node: &str| said.at.iter().filter(|(_, at)| *at == node).map(|(player, _)| player).collect();
    let there: BTreeSet<_> = of_node(DRAINED);
    assert_eq!(said.at.len(), PLAYERS, "{said:?}");
    assert!(there.len() > 3 && there.len() < PLAYERS, "a room and somebody else, but not all: {there:?}");
    assert_eq!(said.moved.keys().collect::<BTreeSet<_>>(), there);
    for (from, to) in said.moved.values() {
        assert!(from == DRAINED && to != DRAINED, "{from} to {to}");
    }
    assert!(said.result.contains(&format!("moves {},", there.len())), "{}", said.result);
}

/// The game has seen each message once and in order, and no circle that stood still or jumped.
fn assert_smooth(said: &Said) {
    assert!(said.is_well && said.result.starts_with("result: well;"), "{}", said.result);
    assert!(said.result.ends_with("lost 0, repeated 0, jumps 0, starved 0"), "{}", said.result);
}

/// A picture in RGB.
struct Picture {
    width: u32,
    bytes: Vec<u8>,
    /// Bytes of a pixel.
    pixel: usize,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let file =
            BufReader::new(File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        let mut reader = png::Decoder::new(file).read_info().expect("it is a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("it fits into memory")];
        let info = reader.next_frame(&mut bytes).expect("it is whole");
        assert_eq!(info.bit_depth, png::BitDepth::Eight);
        Self { width: info.width, bytes, pixel: info.color_type.samples() }
    }

    fn at(&self, x: u32, y: u32) -> [u8; 3] {
        let from = (y * self.width + x) as usize * self.pixel;
        self.bytes[from..from + 3].try_into().expect("three channels")
    }
}

/// The colours do not count as different for rounding.
fn is_near(a: [u8; 3], b: [u8; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 3)
}

/// Every circle has the colour of its node, and every node its own.
fn assert_circles(said: &Said, picture: &Picture) {
    assert_eq!(said.circles.len(), PLAYERS);
    let colours: BTreeMap<_, _> = said.circles.iter().map(|spot| (&spot.node, spot.colour)).collect();
    let different: BTreeSet<_> = colours.values().collect();
    assert!(different.len() == colours.len() && colours.len() > 1, "{colours:?}");
    let hidden = |spot: &Spot| {
        let near = |other: &&Spot| spot.x.abs_diff(other.x) < APART && spot.y.abs_diff(other.y) < APART;
        said.circles.iter().filter(near).count() > 1 // itself is one
    };
    let mut seen = 0;
    for spot in said.circles.iter().filter(|spot| !hidden(spot)) {
        assert_ne!(spot.node, DRAINED);
        let found = picture.at(spot.x, spot.y);
        assert!(is_near(found, spot.colour), "{spot:?} is {found:?} on the picture");
        seen += 1;
    }
    assert!(seen * 2 > PLAYERS, "only {seen} circles lie free");
}

/// Where the players were before the move, their trails have the colour of the node that went away.
fn assert_trails(said: &Said, picture: &Picture) {
    assert_eq!(said.trails.len(), said.moved.len());
    let brightest = |colour: [u8; 3]| (0..3).max_by_key(|channel| colour[*channel]);
    let right = said.trails.iter().filter(|spot| {
        let found = picture.at(spot.x, spot.y);
        spot.node == DRAINED
            && found.iter().any(|channel| *channel > DARK)
            && brightest(found) == brightest(spot.colour)
    });
    // Somebody else may have run across a trail since.
    assert!(right.count() * 2 > said.trails.len(), "{:?}", said.trails);
}

/// Makes it the README's. What LÖVE writes is quick, but large.
fn bless(picture: &Picture) {
    let path = root().join("docs/images/love.png");
    let file = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let colours: Vec<u8> =
        picture.bytes.chunks(picture.pixel).flat_map(|pixel| &pixel[..3]).copied().collect();
    let height = colours.len() as u32 / 3 / picture.width;
    let mut encoder = png::Encoder::new(file, picture.width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().expect("the file can be written");
    writer.write_image_data(&colours).expect("the file can be written");
}

#[test]
fn the_binding_for_lua_gives_what_the_library_gives_and_says_what_is_wrong() {
    if !has_love() {
        return;
    }
    let server = Server::start(&[]);
    let said = native::run(
        Command::new("love")
            .arg(root().join("tests/lua"))
            .args([native::dead_token(), &server.token, &server.token_for("guest")])
            .env("STERNA_LIBRARY", library_dir().join("libsterna.so"))
            .env("HOME", native::scratch("lua")),
    );
    assert!(said.contains("the binding is well"), "{said}");
}

#[test]
fn a_scale_in_is_seen_as_a_change_of_colour_and_not_as_a_jump() {
    if !has_love() {
        return;
    }
    for transport in [&["--udp"][..], &[]] {
        let dir = native::scratch("love");
        let said = play(transport, &dir);
        assert_moves(&said);
        assert_smooth(&said);
        let picture = Picture::read(&dir.join("love.png"));
        assert_circles(&said, &picture);
        assert_trails(&said, &picture);
        if std::env::var_os("BLESS").is_some() {
            bless(&picture);
        }
    }
}

#[test]
fn far_away_the_seamless_move_is_smooth_and_the_classic_one_is_a_jump_that_the_game_notices() {
    if !has_love() {
        return;
    }
    let dir = native::scratch("love_far");
    let seamless = play(&["--delay", FAR_MS], &dir);
    assert_moves(&seamless);
    assert_smooth(&seamless);
    let classic = play(&["--delay", FAR_MS, "--classic"], &dir);
    assert_moves(&classic);
    assert!(!classic.is_well && classic.result.contains("lost 0, repeated 0,"), "{}", classic.result);
    assert!(
        !classic.result.contains("jumps 0") && !classic.result.contains("starved 0"),
        "{}",
        classic.result
    );
}
