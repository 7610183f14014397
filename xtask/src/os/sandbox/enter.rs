//! Entry into a sandbox: this program makes the sandbox around itself, then executes the program
//! that runs in it.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, exit};

use anyhow::{Context, Result, anyhow, bail};
use camino::{Utf8Path, Utf8PathBuf};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getegid, geteuid};
use rustix::fs::{CWD, FileType};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind,
    mount_change, mount_remount, move_mount, open_tree,
};
use rustix::net::{AddressFamily, SendFlags, SocketType};
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
};
use rustix::thread::{
    CapabilitySet, capabilities, clear_ambient_capability_set, configure_capability_in_ambient_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::network::{HOLD, READY};
use super::{ENTER, Network, OWN, Sandbox, TMP, allow};

/// The exit status where the sandbox could not be made.
const NOT_MADE: i32 = 125;
/// The argument after the plan of the first process of a process namespace.
const INSIDE: &str = "--inside";
/// The argument of a process that only tries to make a user namespace.
const TRY_USER: &str = "--try-user-namespace";
/// Inherited file descriptors have lower numbers than this.
const INHERITED_MAX: i32 = 1024;
/// A folder in memory that holds no programs of other users and no devices.
const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Enters a sandbox and executes its program, if this process was started for that. Else remembers
/// that it can, and hides its memory and environment from other processes of the same user.
pub fn enter_or_return() {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(first) if first == ENTER => end(try_run(&arguments.collect::<Vec<_>>())),
        Some(first) if first == HOLD => end(hold()),
        Some(first) if first == TRY_USER => {
            end(new_user_namespace(CloneFlags::empty()).map(|()| exit(0)))
        }
        _ => {}
    }
    // Kernels with namespaces always allow this; on others the gate's memory stays readable to the user.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    allow();
}

fn end(Err(err): Result<Infallible>) -> ! {
    eprintln!("{err:#}");
    exit(NOT_MADE)
}

/// Makes a private network, says so, and holds it until its stdin ends.
fn hold() -> Result<Infallible> {
    new_namespaces(CloneFlags::CLONE_NEWNET)?;
    start_loopback().context("cannot start loopback in a private network")?;
    eprint!("{READY}");
    // The gate reads to the end of it.
    nix::unistd::close(2)?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    exit(0)
}

/// Brings up the one interface of a new network, as `ip link set lo up` does.
fn start_loopback() -> Result<()> {
    // As `rtnetlink(7)` has it: the header with length, kind (RTM_NEWLINK), flags (NLM_F_REQUEST),
    // number and sender; then family and type, index, flags and the mask of changed flags (IFF_UP).
    let header = [&32_u32.to_ne_bytes()[..], &16_u16.to_ne_bytes(), &1_u16.to_ne_bytes(), &[0; 8]];
    let link = [0, 1, 1, 1_u32].map(u32::to_ne_bytes);
    let message = [header.concat(), link.concat()].concat();
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    // It has its address once it is up.
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(())
}

/// Makes a sandbox and runs a program in it; without one, only makes it.
fn try_run(arguments: &[OsString]) -> Result<Infallible> {
    let [plan, rest @ ..] = arguments else { bail!("the sandbox has no plan") };
    let mut plan: Sandbox = serde_json::from_slice(plan.as_encoded_bytes())
        .context("the plan of the sandbox cannot be read")?;
    if plan.processes {
        // The kernel ends this process when the gate dies. A server may outlive the thread that
        // started it, so the next run ends the server of a killed gate.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
    let (is_inside, program) = match rest {
        [first, program @ ..] if first == INSIDE => (true, program),
        program => (false, program),
    };
    if plan.isolated && !is_inside {
        // Of another network nothing is listed, yet a path leads there from everywhere.
        plan.sockets = sockets_but(&plan.reached);
        match make_namespaces(&plan) {
            Err(err) => go_on_without(&mut plan, &err)?,
            Ok(()) if plan.processes => return wait_for_inside(&plan, program),
            Ok(()) => {}
        }
    }
    if plan.isolated
        && let Err(err) = lay_out_or_leave(&plan)
    {
        go_on_without(&mut plan, &err)?;
    }
    give_up_rights(&plan)?;
    let Some((program, arguments)) = program.split_first() else { exit(0) };
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some((uid, gid)) = plan.user {
        command.uid(uid).gid(gid);
    }
    Err(command.exec()).with_context(|| format!("cannot start `{}`", program.display()))
}

/// The sockets of this network's processes in the file system, but for some or those in some folders.
fn sockets_but(reached: &[Utf8PathBuf]) -> Vec<Utf8PathBuf> {
    let reached: Vec<_> = reached.iter().filter_map(|path| path.canonicalize_utf8().ok()).collect();
    let listed = fs::read("/proc/net/unix").unwrap_or_default();
    let listed = String::from_utf8_lossy(&listed);
    let paths = listed.lines().filter_map(|line| line.find(" /").map(|at| &line[at + 1..]));
    let mut paths: Vec<_> = paths
        .filter_map(|path| Utf8Path::new(path).canonicalize_utf8().ok())
        .filter(|path| !reached.iter().any(|reached| path.starts_with(reached)))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Goes on without namespaces if the gate can be told why; else fails.
fn go_on_without(plan: &mut Sandbox, err: &anyhow::Error) -> Result<()> {
    let Some(note) = &plan.note else { bail!("{err:#}") };
    fs::write(note, format!("{err:#}")).with_context(|| format!("cannot write `{note}`"))?;
    plan.isolated = false;
    if plan.user_needs_isolation {
        plan.user = None;
    }
    Ok(())
}

/// Lays out the mounts, and is among those of before where that fails.
fn lay_out_or_leave(plan: &Sandbox) -> Result<()> {
    let before = File::open("/proc/self/ns/mnt").context("cannot find the mount namespace")?;
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    let laid_out = lay_out(plan);
    if laid_out.is_err() {
        setns(before, CloneFlags::CLONE_NEWNS).context("cannot leave a mount namespace")?;
    }
    laid_out
}

fn make_namespaces(plan: &Sandbox) -> Result<()> {
    let mut flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC;
    flags.set(CloneFlags::CLONE_NEWPID, plan.processes);
    flags.set(CloneFlags::CLONE_NEWNET, matches!(plan.network, Network::None));
    match plan.network {
        // The user namespace of the network, in which it has all rights over it.
        Network::Private(holder) => {
            join(holder).context("cannot join a private network")?;
            unshare(flags).map_err(refused)?;
        }
        _ => new_namespaces(flags)?,
    }
    hand_on_mounting()
}

/// Makes namespaces. Without root that needs a user namespace, which is made with them.
fn new_namespaces(flags: CloneFlags) -> Result<()> {
    if geteuid().is_root() {
        return unshare(flags).map_err(refused);
    }
    try_user_namespace()?;
    new_user_namespace(flags)
}

fn refused(err: nix::Error) -> anyhow::Error {
    anyhow!("the kernel allows no namespaces: {err}")
}

/// Tries a user namespace in another process, and fails if the kernel refuses it. Some kernels make the
/// namespace and refuse the rights in it; a process that is in it by then cannot leave it again.
fn try_user_namespace() -> Result<()> {
    let said = Command::new(OWN).arg(TRY_USER).output().context("cannot try a namespace")?;
    if said.status.success() {
        return Ok(());
    }
    bail!("{}", String::from_utf8_lossy(&said.stderr).trim())
}

/// Joins the network that a process holds; without root also the user namespace of that process.
fn join(holder: u32) -> Result<()> {
    let of = |name: &str| File::open(format!("/proc/{holder}/ns/{name}"));
    // Both before the first is joined: then another user namespace would ask for the second.
    let (user, network) = (of("user")?, of("net")?);
    if !geteuid().is_root() {
        setns(user, CloneFlags::CLONE_NEWUSER)?;
    }
    setns(network, CloneFlags::CLONE_NEWNET)?;
    Ok(())
}

/// Makes a user namespace that maps the user to itself, and other namespaces with it.
fn new_user_namespace(others: CloneFlags) -> Result<()> {
    // Inside the namespace both would read as 65534 until the maps are written.
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | others).map_err(refused)?;
    for (file, text) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{uid} {uid} 1")),
        ("gid_map", format!("{gid} {gid} 1")),
    ] {
        let file = format!("/proc/self/{file}");
        fs::write(&file, text).with_context(|| format!("cannot write `{file}`"))?;
    }
    Ok(())
}

/// Hands the right to mount to child processes: in a user namespace, a user that is not root has no
/// rights otherwise.
fn hand_on_mounting() -> Result<()> {
    if geteuid().is_root() {
        return Ok(());
    }
    let mut sets = capabilities(None).context("cannot read the capabilities")?;
    sets.inheritable |= CapabilitySet::SYS_ADMIN;
    set_capabilities(None, sets)
        .and_then(|()| configure_capability_in_ambient_set(CapabilitySet::SYS_ADMIN, true))
        .context("cannot hand a capability on")
}

/// The first process of a process namespace is a child of the one that made it, which waits for it.
fn wait_for_inside(plan: &Sandbox, program: &[OsString]) -> Result<Infallible> {
    let mut command = Command::new(OWN);
    command.arg(ENTER).arg(plan.as_json()).arg(INSIDE).args(program);
    let mut child = command.spawn().context("cannot start the first process of a namespace")?;
    // Only the child may hold its ends of the gate's sockets, so that the gate sees when they
    // close.
    for fd in 3..INHERITED_MAX {
        let _ = nix::unistd::close(fd);
    }
    let status = child.wait().context("cannot wait for the first process of a namespace")?;
    exit(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}

/// Gives up setuid programs and, as root, all capabilities but those to read and write files of
/// other users: the visible files may belong to another user.
fn give_up_rights(plan: &Sandbox) -> Result<()> {
    set_no_new_privs(true).context("cannot give up setuid programs")?;
    if !geteuid().is_root() {
        return clear_ambient_capability_set().context("cannot give up a capability");
    }
    if plan.user.is_none() {
        for capability in CapabilitySet::all().difference(CapabilitySet::DAC_OVERRIDE).iter() {
            // One that the kernel does not know is none.
            let _ = remove_capability_from_bounding_set(capability);
        }
    }
    Ok(())
}

/// Lays out the mounts.
fn lay_out(plan: &Sandbox) -> Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).context("cannot keep mounts from the machine")?;
    hide(plan)?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot list the mounts")?;
    let kind = if plan.processes { "proc" } else { "tmpfs" };
    mount(kind, "/proc", kind, PLAIN | MountFlags::NOEXEC | MountFlags::RDONLY, None)
        .with_context(|| format!("cannot mount a /proc of its own ({kind})"))?;
    make_read_only(&mounts, plan)
}

/// Replaces private folders by empty ones, and mounts the visible parts back into them.
fn hide(plan: &Sandbox) -> Result<()> {
    let take = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let mut seen: Vec<&Utf8PathBuf> = plan.shown.iter().chain(&plan.writable).collect();
    // A folder inside another one comes after it.
    seen.sort();
    seen.dedup();
    let links = plan.links.iter().filter_map(|link| Some((link, link.read_link_utf8().ok()?)));
    let links: Vec<_> = links.collect();
    let mut trees = Vec::new();
    for path in seen.into_iter().filter(|path| path.exists()) {
        let tree = open_tree(CWD, path.as_str(), take);
        trees.push((path, tree.with_context(|| format!("cannot take hold of `{path}`"))?));
    }
    for folder in &plan.hidden {
        let mode = if TMP.contains(&folder.as_str()) { c"mode=1777" } else { c"mode=755" };
        mount("tmpfs", folder.as_str(), "tmpfs", PLAIN, Some(mode))
            .with_context(|| format!("cannot hide `{folder}`"))?;
    }
    for (path, tree) in trees {
        place(path, tree)?;
    }
    for (path, target) in links.into_iter().filter(|(path, _)| path.symlink_metadata().is_err()) {
        let cannot = || format!("cannot show `{path}`");
        path.parent().map_or(Ok(()), fs::create_dir_all).with_context(cannot)?;
        symlink(target, path).with_context(cannot)?;
    }
    for folder in plan.emptied.iter().filter(|folder| folder.is_dir()) {
        mount("tmpfs", folder.as_str(), "tmpfs", PLAIN, Some(c"mode=755"))
            .with_context(|| format!("cannot hide `{folder}`"))?;
    }
    for socket in &plan.sockets {
        match mount_bind("/dev/null", socket.as_str()) {
            // Not there, or out of reach.
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
            Err(err) => return Err(err).with_context(|| format!("cannot hide `{socket}`")),
        }
    }
    Ok(())
}

fn place(path: &Utf8Path, tree: impl std::os::fd::AsFd) -> Result<()> {
    let cannot = || format!("cannot show `{path}`");
    if !path.exists() {
        let is_folder = rustix::fs::fstat(&tree)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
        let above = path.parent().filter(|_| !is_folder);
        fs::create_dir_all(above.unwrap_or(path)).with_context(cannot)?;
        if !is_folder {
            File::create(path).with_context(cannot)?;
        }
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(tree, "", CWD, path.as_str(), flags).with_context(cannot)
}

/// Makes every mount read-only but those in which the plan lets write.
fn make_read_only(mounts: &str, plan: &Sandbox) -> Result<()> {
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(point), Some(options)) = (fields.next(), fields.next()) else { continue };
        let point = Utf8PathBuf::from(unescaped(point));
        let may_write = plan.writable.contains(&point)
            || (TMP.contains(&point.as_str()) && plan.hidden.contains(&point));
        if may_write || point.starts_with("/proc") {
            continue;
        }
        // A user namespace may remove mount rights, and must keep those removed that were removed
        // before.
        let flags = options.split(',').map(flag_of).fold(MountFlags::RDONLY, MountFlags::union);
        match mount_remount(point.as_str(), MountFlags::BIND | flags, "") {
            Ok(()) => {}
            // Something else is mounted over it, or over a folder above it.
            Err(Errno::NOENT | Errno::INVAL | Errno::ACCESS) => {}
            Err(err) => return Err(err).with_context(|| format!("cannot protect `{point}`")),
        }
    }
    Ok(())
}

fn flag_of(option: &str) -> MountFlags {
    match option {
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    }
}

/// A path as `/proc/self/mountinfo` escapes it.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}
