//! A bug inside the library ends one client and nothing else.

use sterna::client::config::Config;
use sterna::client::status::Status;
use sterna::ffi::harness::CClient;

#[test]
fn a_panic_poisons_its_client_and_only_that() {
    let client = CClient::create(&Config::default()).unwrap();
    let other = CClient::create(&Config::default()).unwrap();

    let error = client.panic_inside("made up for this test").unwrap_err();
    assert_eq!(error.status, Status::Panic);
    assert!(error.text.contains("made up for this test") && error.text.contains("harness.rs"), "{error}");
    assert_eq!(client.last_error(), error.text);

    let later = client.update(|_, _, _| ()).unwrap_err();
    assert_eq!(later, error, "later calls tell the same");
    assert_eq!(client.send(2, 1, b"").unwrap_err().status, Status::Panic);
    assert_eq!(client.panic_inside("another").unwrap_err(), error, "the first panic explains the others");

    assert_eq!(other.last_error(), "");
    other.update(|_, _, _| ()).unwrap();
    client.destroy();
    assert_eq!(client.update(|_, _, _| ()).unwrap_err().status, Status::InvalidHandle);
}
