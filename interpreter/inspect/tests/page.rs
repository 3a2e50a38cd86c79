//! The page's server as a browser and as an attacker meet it.
#![allow(clippy::unwrap_used)] // a test may panic

#[path = "../../run/tests/common/mod.rs"]
mod common;

use common::{Place, Script};
use rlx_inspect::{Reading, Server, hardest, serve, validity};
use rlx_store::{Labels, Store};
use std::{
    cell::RefCell,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    rc::Rc,
    thread,
};

/// Readings of a finished study; every third response is right there, so the bound is high.
fn readings(place: &Place) -> Vec<Reading> {
    place.run(&[], &Rc::new(RefCell::new(Script::default()))).unwrap();
    let (study, plan, world) = place.plan(&[]);
    let store = Store::read_only(&place.store());
    let found = hardest(&study, &plan, &store, &world, Some(0.9)).unwrap();
    assert!(!found.is_empty());
    for reading in &found {
        assert_eq!(reading.correct, reading.chains.len() as u64);
        assert!(reading.correct > 0 && (reading.correct as f64) < 0.9 * reading.samples as f64);
    }
    let accuracy = |reading: &Reading| reading.correct as f64 / reading.samples as f64;
    let base: Vec<f64> = found
        .iter()
        .filter(|reading| reading.model == "base")
        .map(accuracy)
        .collect();
    assert!(base.is_sorted(), "hardest first: {base:?}");
    let none = hardest(&study, &plan, &store, &world, None).unwrap();
    assert!(none.is_empty(), "6 samples show no accuracy between 0 and 5%");
    found
}

fn started(place: &Place) -> (Vec<Reading>, String, SocketAddr, thread::JoinHandle<()>) {
    let found = readings(place);
    let server: Server = serve(found.clone(), Labels::at(&place.store()), "A study", "anna", 0).unwrap();
    let (url, address) = (server.url(), server.address());
    assert!(address.ip().is_loopback());
    let thread = thread::spawn(move || server.run(&mut |_| {}).unwrap());
    let token = url.split("token=").nth(1).unwrap().to_owned();
    (found, token, address, thread)
}

/// One request; status and body.
fn ask(address: SocketAddr, head: &str, host: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{head} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn labels_are_kept_at_once_and_counted() {
    let place = Place::new();
    let (found, token, address, thread) = started(&place);
    let host = address.to_string();
    let (status, state) = ask(address, &format!("GET /state?token={token}"), &host, "");
    assert_eq!(status, 200);
    assert!(state.contains("\"reader\":\"anna\""), "{state}");
    let first = &found[0];
    let label = |label: &str, sample: u64| {
        format!(
            "{{\"key\":\"{}\",\"reader\":\"anna\",\"problem\":\"{}\",\"sample\":{sample},\"label\":{label},\"note\":\"so\"}}",
            first.chains[0].key, first.problem
        )
    };
    let post = |body: &str| ask(address, &format!("POST /label?token={token}"), &host, body);
    assert_eq!(post(&label("\"valid\"", first.chains[0].sample)).0, 200);
    let labels = Labels::at(&place.store());
    let said = labels.of(&first.chains[0].key).unwrap();
    assert_eq!(said.values().next().unwrap().label.as_deref(), Some("valid"));
    let counts = validity(&found, &labels).unwrap();
    assert_eq!((counts[0].read, counts[0].valid), (1, 1));
    // What is no response of the page, and what is no label.
    assert_eq!(post(&label("\"valid\"", 999)).0, 400);
    assert_eq!(post(&label("\"great\"", first.chains[0].sample)).0, 400);
    assert_eq!(
        ask(address, &format!("POST /done?token={token}"), &host, "").0,
        200
    );
    thread.join().unwrap();
}

#[test]
fn nobody_else_is_let_in() {
    let place = Place::new();
    let (_, token, address, thread) = started(&place);
    let host = address.to_string();
    for head in ["GET /", "GET /state", "GET /state?token=0", "POST /label?token="] {
        assert_eq!(ask(address, head, &host, "").0, 403, "{head}");
    }
    // A page that points its own name here (DNS rebinding), token or not.
    let (status, _) = ask(address, &format!("GET /state?token={token}"), "evil.example", "");
    assert_eq!(status, 403);
    assert_eq!(ask(address, &format!("GET /x?token={token}"), &host, "").0, 404);
    assert_eq!(
        ask(address, &format!("POST /done?token={token}"), &host, "").0,
        200
    );
    thread.join().unwrap();
}
