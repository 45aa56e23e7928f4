//! What an operator grants beside data and messages: calls of the web, secrets, directories.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::{Client, Era, Project};

const SECRET: &str = "hunter2-and-more";

/// A web server of this machine, which answers each request with what it was sent.
struct Web {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&requests);
        // It ends with the process: nothing waits for it.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: String =
                    lines.take_while(|line| !line.is_empty()).map(|line| line + "\n").collect();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len());
                stream.write_all(answer.as_bytes()).unwrap();
                kept.lock().unwrap().push(head);
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn call(&self, path: &str) -> Value {
        json!({"calls": [{"authority": self.address.to_string(), "path": path}]})
    }
}

fn ended(client: &mut Client, payload: &Value) -> Value {
    let id = client.enqueue("fetch", payload.clone());
    client.ended(&id)
}

#[test]
fn a_job_calls_what_it_is_granted_and_never_sees_the_key() {
    let web = Web::start();
    let project = Project::with_guests(&[], "[secrets.crm_token]\nfile = 'crm-token'");
    fs::write(project.path("crm-token"), format!("{SECRET}\n")).unwrap();
    let policy = format!(
        "[grants]\nhttp = [{{ url = \"http://{}/v1\", allow_private = true, headers = {{ authorization = \"Bearer \
         {{crm_token}}\" }} }}]\n",
        web.address
    );
    project.add_guest("fetch", &policy);
    let mut client = project.serve(Era::Modern);

    let done = ended(&mut client, &web.call("/v1/orders"));
    // This server repeats what it was sent, which tells the job after all; but it is kept nowhere.
    assert_eq!(
        (&done["status"], &done["error"]["code"]),
        (&json!("failed"), &json!("permission_denied")),
        "{done}"
    );
    assert!(done["error"]["message"].as_str().unwrap().contains("the secret \"crm_token\""), "{done}");
    let requests = web.requests();
    assert!(requests[0].starts_with("GET /v1/orders HTTP/1.1\n"), "{requests:?}");
    assert!(requests[0].contains(&format!("authorization: Bearer {SECRET}\n")), "{requests:?}");

    let denied = ended(&mut client, &web.call("/v2"));
    assert_eq!(denied["error"]["code"], "permission_denied", "{denied}");
    let message = denied["error"]["message"].as_str().unwrap();
    assert!(message.contains("/v2") && message.contains("under [grants] in fetch.toml"), "{message}");
    assert_eq!(web.requests().len(), 1);

    assert!(client.close().0.success());
    for entry in fs::read_dir(project.path("data")).unwrap().flatten().filter(|entry| entry.path().is_file())
    {
        let bytes = fs::read(entry.path()).unwrap();
        let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!found, "the secret is in {}", entry.path().display());
    }
}

#[test]
fn the_line_that_an_error_names_is_the_line_that_helps() {
    let web = Web::start();
    let project = Project::with_guests(&["fetch"], "");
    let mut client = project.serve(Era::Modern);
    let denied = ended(&mut client, &web.call("/v1"));
    let message = denied["error"]["message"].as_str().unwrap();
    let line = message.split('`').nth(1).unwrap_or_else(|| panic!("{message}"));
    fs::write(project.path("plugins/fetch.toml"), format!("[grants]\n{line}\n")).unwrap();
    loop {
        let done = ended(&mut client, &web.call("/v1"));
        if done["status"] == "completed" {
            assert_eq!(done["result"][0]["status"], 200, "{done}");
            break;
        }
        // The policy is read within a moment of its change.
        assert_eq!(done["error"]["code"], "permission_denied", "{done}");
    }
}

#[test]
fn what_is_private_is_called_only_if_that_is_granted() {
    let web = Web::start();
    let project = Project::with_guests(&[], "");
    let port = web.address.port();
    project.add_guest("fetch", &format!("[grants]\nhttp = [{{ url = \"https://localhost:{port}/\" }}]\n"));
    let mut client = project.serve(Era::Modern);
    let call = json!({"calls": [{"scheme": "https", "authority": format!("localhost:{port}"), "path": "/"}]});
    let done = ended(&mut client, &call);
    assert_eq!(done["result"][0]["error"], "ErrorCode::DestinationIpProhibited", "{done}");
    let log = project.longshore(&["task", "log", done["job_id"].as_str().unwrap()]);
    let log = String::from_utf8(log.stdout).unwrap();
    assert!(log.contains("allow_private = true in the grant would allow it"), "{log}");
    assert!(web.requests().is_empty());
}

#[test]
fn directories_are_those_of_the_project_and_tmp_goes_with_its_attempt() {
    let project = Project::with_guests(&[], "[directories.reference]\npath = 'reference'");
    fs::create_dir(project.path("reference")).unwrap();
    fs::write(project.path("reference/cities.csv"), "Delhi").unwrap();
    project.add_guest("files", "[grants]\ndirectories = [\"reference\", \"tmp\"]\n");
    let mut client = project.serve(Era::Modern);
    let calls = json!({"calls": [
        {"read": "/reference/cities.csv"}, {"write": ["/tmp/x", 100_000]}, {"list": "/tmp"}, {"write": ["/reference/x", 1]},
    ]});
    let id = client.enqueue("files", calls);
    let done = client.ended(&id);
    let result = &done["result"];
    assert_eq!(
        (&result[0], &result[1], &result[2]),
        (&json!("Delhi"), &json!(null), &json!(["x"])),
        "{done}"
    );
    assert!(result[3].is_string(), "{done}");
    assert!(client.close().0.success());
    // A process that ends well leaves nothing; what one leaves that is killed, the next one deletes.
    assert_eq!(fs::read_dir(project.path("data/scratch")).unwrap().count(), 0);
}
