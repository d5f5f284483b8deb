//! A PostgreSQL of a test's own: a cluster in a folder that is gone with the test, on a free port.

use std::fs::{self, File, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use crate::daemon::{Daemon, RunsAs, built, found};
use crate::{eventually, port};

/// Who the server knows; a superuser.
const USER: &str = "chat";
/// The password of that user, in a test and nowhere else.
const PASSWORD: &str = "only-of-tests";
/// The database that is there from the start.
const DATABASE: &str = "chat";

/// How a PostgreSQL is to be started; by default as fast as one that need not outlive a power failure can be.
#[derive(Debug, Default)]
pub struct Setup {
    durable: bool,
    more: Vec<String>,
}

impl Setup {
    /// Writes through to the disk, as in production.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Sets a parameter of the server.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.more
            .extend(["-c".to_owned(), format!("{name}={value}")]);
        self
    }

    /// Starts it; nothing where PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(self) -> Option<Postgres> {
        let programs = Programs::found()?;
        let folder = TempDir::new().expect("a folder for the test");
        let mut args = self.more;
        args.extend(["-c".to_owned(), format!("fsync={}", on(self.durable))]);
        args.extend([
            "-c".to_owned(),
            format!("full_page_writes={}", on(self.durable)),
        ]);
        let copied = (programs.clone(), folder.path().to_owned());
        tokio::task::spawn_blocking(move || copied.0.copy_cluster(&copied.1))
            .await
            .expect("a copy of the cluster");
        let mut port = port::free();
        let daemon = loop {
            match programs.serve(folder.path(), &args, port).await {
                Some(daemon) => break daemon,
                None => port = port::free(),
            }
        };
        Some(Postgres {
            daemon,
            programs,
            args,
            port,
            folder,
        })
    }
}

fn on(yes: bool) -> &'static str {
    if yes { "on" } else { "off" }
}

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    daemon: Daemon,
    programs: Programs,
    args: Vec<String>,
    port: u16,
    folder: TempDir,
}

impl Postgres {
    /// Starts one; nothing where PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start() -> Option<Self> {
        Self::setup().start().await
    }

    /// One that is to be started otherwise.
    #[must_use]
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// The URL of its first database, with name and password.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// The same through another address, such as that of a proxy.
    #[must_use]
    pub fn url_through(&self, address: SocketAddr) -> String {
        format!("postgres://{USER}:{PASSWORD}@{address}/{DATABASE}")
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The password that stands in the URL, which must stand nowhere else.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Makes another database, and gives its URL.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn database(&self, name: &str) -> String {
        self.sql(&format!("CREATE DATABASE \"{name}\"")).await;
        self.url_of(name)
    }

    /// The URL of another database of it.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@{}/{database}", self.address())
    }

    /// What the first database answers to a statement: a line for each row, `|` between columns.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn sql(&self, statement: &str) -> String {
        let psql = tokio::process::Command::new(self.programs.bin.join("psql"))
            .args(["--no-psqlrc", "-At", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.url())
            .args(["-c", statement])
            .kill_on_drop(true)
            .output();
        let output = crate::soon(statement, psql).await.expect("psql runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statement}: {said}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Dumps the first database, drops it, and loads the dump into one of the same name.
    ///
    /// # Panics
    /// When a program refuses.
    pub async fn reload(&self) {
        let run = async |program: &str, database: &str, args: &[&str]| {
            let run = tokio::process::Command::new(self.programs.bin.join(program))
                .args(["-d", &self.url_of(database)])
                .args(args)
                .kill_on_drop(true)
                .output();
            let output = crate::soon(program, run).await.expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program}: {said}");
        };
        let dump = self.folder.path().join("dump.sql");
        let dump = dump.to_str().expect("a path of ASCII");
        run("pg_dump", DATABASE, &["-f", dump]).await;
        let again = ["-c", "DROP DATABASE chat", "-c", "CREATE DATABASE chat"];
        run("psql", "postgres", &again).await;
        run("psql", DATABASE, &["-v", "ON_ERROR_STOP=1", "-f", dump]).await;
    }

    /// Kills all of its processes without a warning.
    pub fn kill9(&mut self) {
        self.daemon.kill9();
    }

    /// Has it drop everything at once and end, as `pg_ctl stop -m immediate` does.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop_immediate(&mut self) {
        self.daemon.signal_first(Signal::SIGQUIT);
        self.daemon.ended().await;
    }

    /// Has it send everybody away and end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn stop(&mut self) {
        self.daemon.signal_first(Signal::SIGINT);
        self.daemon.ended().await;
    }

    /// Gives all of its processes a signal.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        self.daemon.signal(signal);
    }

    /// Starts it again with the same data, on the same port; ends it before where it runs.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        if self.daemon.has_ended().is_none() {
            self.stop_immediate().await;
        }
        // What a killed one leaves needs a moment to be gone, and keeps the next one out until then.
        self.daemon = eventually("PostgreSQL starts again", async || {
            self.programs
                .serve(self.folder.path(), &self.args, self.port)
                .await
        })
        .await;
    }

    /// Starts it again as a standby that is then promoted, as after a failover: the same data on another timeline.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn fail_over(&mut self) {
        if self.daemon.has_ended().is_none() {
            self.stop().await;
        }
        self.stand_by().await;
        self.promote().await;
    }

    /// Starts one that was stopped as a standby of nobody.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn stand_by(&mut self) {
        let standby = self.folder.path().join("data/standby.signal");
        fs::write(standby, "").expect("a file in the folder of the test");
        self.restart().await;
    }

    /// Makes a standby the one that is written to.
    ///
    /// # Panics
    /// When it is none.
    pub async fn promote(&self) {
        assert_eq!(self.sql("SELECT pg_promote()").await, "t");
    }

    /// What it has said.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.daemon.has_ended().is_none() {
            return;
        }
        // One that was killed could not give back the shared memory by which it keeps a second one away.
        let left = fs::read_to_string(pid_file(self.folder.path())).unwrap_or_default();
        let id = left
            .lines()
            .nth(6)
            .and_then(|line| line.split_whitespace().nth(1));
        if let Some(id) = id {
            let _ = Command::new("ipcrm").args(["-m", id]).output();
        }
    }
}

/// The installed programs, and who may run them.
#[derive(Debug, Clone)]
struct Programs {
    bin: PathBuf,
    runs_as: RunsAs,
}

impl Programs {
    fn found() -> Option<Self> {
        let newest = || {
            let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
            let versions = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
            versions.filter(|bin| bin.join("initdb").is_file()).max()
        };
        // A link to it has no siblings.
        let linked = || fs::canonicalize(found("initdb")?).ok();
        let on_path = || Some(linked()?.parent()?.to_owned());
        Some(Self {
            bin: on_path().or_else(newest)?,
            runs_as: not_root(),
        })
    }

    /// Copies the template into `folder`, for who runs the server.
    fn copy_cluster(&self, folder: &Path) {
        let template = self.template().expect("a template of the cluster");
        self.hand_over(folder).expect("a folder can be given away");
        copy(&template, &folder.join("data"), &|path| {
            self.hand_over(path)
        })
        .expect("a copy of it");
    }

    /// A cluster with the user and the database in it, made by the first test that needs one.
    fn template(&self) -> io::Result<PathBuf> {
        let version = Command::new(self.bin.join("initdb"))
            .arg("--version")
            .output()?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let number = version.split_whitespace().nth(2).unwrap_or("unknown");
        let shelf = built().unwrap_or_else(std::env::temp_dir);
        let template = shelf.join(format!("postgresql-{number}"));
        let lock = File::create(shelf.join("postgresql.lock"))?;
        lock.lock()?;
        if !template.exists() {
            let folder = TempDir::new()?;
            self.hand_over(folder.path())?;
            self.initialise(folder.path())?;
            let unready = shelf.join("postgresql.new");
            let _ = fs::remove_dir_all(&unready);
            copy(&folder.path().join("data"), &unready, &|_| Ok(()))?;
            fs::rename(unready, &template)?;
        }
        Ok(template)
    }

    /// Makes a cluster in `folder` with the database in it.
    fn initialise(&self, folder: &Path) -> io::Result<()> {
        let password = folder.join("password");
        fs::write(&password, PASSWORD)?;
        self.hand_over(&password)?;
        let mut initdb = self.command("initdb", folder);
        initdb.args(["--pgdata", "data", "--pwfile", "password", "-U", USER]);
        initdb.args(["--no-sync", "--wal-segsize=1", "--encoding=UTF8"]);
        initdb.args(["--locale=C", "--auth=scram-sha-256"]);
        done(&mut initdb)?;
        let mut single = self.command("postgres", folder);
        single.args(["--single", "-D", "data", "-c", "fsync=off", "template1"]);
        let statement = folder.join("statement");
        fs::write(&statement, format!("CREATE DATABASE {DATABASE};\n"))?;
        single.stdin(File::open(statement)?);
        done(&mut single)
    }

    fn command(&self, name: &str, folder: &Path) -> Command {
        let mut command = Command::new(self.bin.join(name));
        if let Some((user, group)) = self.runs_as {
            command.uid(user).gid(group);
        }
        command.current_dir(folder);
        command
    }

    /// Gives a file to who runs the server.
    fn hand_over(&self, path: &Path) -> io::Result<()> {
        match self.runs_as {
            Some((user, group)) => chown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Starts the server and waits until it takes connections; nothing when it ended instead.
    async fn serve(&self, folder: &Path, args: &[String], port: u16) -> Option<Daemon> {
        let port = port.to_string();
        let fixed = [
            "-D",
            "data",
            "-p",
            &port,
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            // Nothing of it is left outside of its folder.
            "-c",
            "dynamic_shared_memory_type=mmap",
            "-c",
            "shared_buffers=16MB",
            "-c",
            "jit=off",
            "-c",
            "log_line_prefix=%m [%p] ",
        ];
        let args = fixed.into_iter().chain(args.iter().map(String::as_str));
        let program = self.bin.join("postgres");
        let daemon = Daemon::start(&program, args, folder, self.runs_as).farewell(Signal::SIGQUIT);
        let mut daemon = Some(daemon);
        eventually("PostgreSQL takes connections", async || {
            let running = daemon.as_mut().expect("it is there until this returns");
            if running.has_ended().is_some() {
                return Some(None);
            }
            let said = fs::read_to_string(pid_file(folder)).unwrap_or_default();
            let mut lines = said.lines();
            let own = lines.next() == Some(&running.pid().to_string());
            let ready = own && lines.nth(6).is_some_and(|line| line.trim() == "ready");
            ready.then(|| daemon.take())
        })
        .await
    }
}

/// Where the server says how far it has come; its 8th line is `ready` when it takes connections.
fn pid_file(folder: &Path) -> PathBuf {
    folder.join("data/postmaster.pid")
}

/// The server refuses to run as root: somebody else then, the user of the package by preference.
fn not_root() -> RunsAs {
    if !geteuid().is_root() {
        return None;
    }
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten());
    user.map(|user| (user.uid.as_raw(), user.gid.as_raw()))
}

fn done(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(io::Error::other(said))
}

/// Copies a folder with all that is in it, and does `each` to every copy.
fn copy(from: &Path, to: &Path, each: &dyn Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    fs::create_dir(to)?;
    // PostgreSQL takes no folder that others may look into.
    fs::set_permissions(to, Permissions::from_mode(0o700))?;
    each(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copied = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &copied, each)?;
        } else {
            fs::copy(entry.path(), &copied)?;
            each(&copied)?;
        }
    }
    Ok(())
}
