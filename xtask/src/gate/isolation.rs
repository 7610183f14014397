//! Sandbox of a run's migrations.

use std::sync::{Arc, Once};

use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::User;

use crate::os::run_dir::{NOT_ISOLATED, RunDir};
use crate::os::sandbox::network::PrivateNetwork;
use crate::os::sandbox::{self, Sandbox};
use crate::postgres::endpoint::Endpoint;
use model::event::{Event, Tell};
use model::tree::Tree;

/// The sandbox of a run's migrations, but for what each interpreter adds.
pub(super) struct Isolation {
    user: Option<User>,
    sandbox: Sandbox,
    /// Why migrations run as root.
    as_root: Option<String>,
    /// Whether it is without a user of its own only where there are no namespaces.
    needs_namespaces: bool,
    /// The network of migrations that want a host and of their servers.
    network: Option<Arc<PrivateNetwork>>,
    /// Why migrations have the machine's network.
    open: Option<String>,
    told: Once,
}

impl Isolation {
    /// That of trees below a root, on servers of the gate's own or on a given one. `user` is whom a server
    /// runs as, where that is not the caller.
    pub(super) fn new(
        user: Option<User>,
        root: &Utf8Path,
        trees: &[Tree],
        given: Option<&Endpoint>,
    ) -> Isolation {
        let folders: Vec<Utf8PathBuf> = trees
            .iter()
            .flat_map(|tree| [tree.cwd.clone(), tree.cwd.join(tree.ini_folder())])
            .collect();
        let mut shown = [&[root.to_owned()], &folders[..]].concat();
        let git: Vec<Utf8PathBuf> =
            shown.iter().filter_map(|folder| sandbox::repository_of(folder)).collect();
        if git.is_empty() {
            // The extent of the checkout is unknown: files beside the tree may belong to it.
            shown.extend(root.parent().filter(|above| !sandbox::is_private(above)).map(Into::into));
        }
        let as_root = user.as_ref().and_then(|user| {
            let path = sandbox::unreadable_by(user, &folders)?;
            Some(format!("migrations run as root: user {} cannot read `{path}`", user.name))
        });
        let user = user.filter(|_| as_root.is_none());
        let needs_namespaces = user.as_ref().is_some_and(|user| {
            folders.iter().any(|folder| !sandbox::is_reachable_by(user, folder))
        });
        let sandbox = Sandbox::new(user.as_ref()).with_own_processes().emptying(git);
        let sandbox =
            sandbox.showing(shown).showing(given.map(Endpoint::files).unwrap_or_default());
        let sandbox = sandbox.reaching(given.and_then(Endpoint::socket));
        let mut isolation = Isolation {
            user,
            sandbox,
            as_root,
            needs_namespaces,
            network: None,
            open: None,
            told: Once::new(),
        };
        isolation.choose_network(given, trees.iter().any(Tree::wants_host));
        isolation
    }

    fn choose_network(&mut self, given: Option<&Endpoint>, wants_host: bool) {
        match (given, wants_host) {
            (Some(given), _) if !given.is_socket() => {
                self.open = Some("--postgres-url names a host".into());
            }
            (Some(_), _) | (None, false) => self.sandbox = self.sandbox.clone().without_network(),
            (None, true) => match PrivateNetwork::new() {
                Ok(network) => {
                    self.sandbox = self.sandbox.clone().in_network_of(network.holder());
                    self.network = Some(Arc::new(network));
                }
                Err(err) => {
                    self.open = Some(format!("{{host}} has no network of its own: {err:#}"));
                }
            },
        }
    }

    /// The network of servers whose migrations want a host; `None`: the machine's.
    pub(super) fn network(&self) -> Option<Arc<PrivateNetwork>> {
        self.network.clone()
    }

    /// The user that migrations run as, where that is not the caller.
    pub(super) fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The sandbox of an interpreter, whose home is in `scratch`.
    pub(super) fn sandbox(&self, python: &Utf8Path, scratch: &RunDir) -> Sandbox {
        let out_of_reach = |user: &User| {
            python.parent().is_some_and(|folder| !sandbox::is_reachable_by(user, folder))
        };
        let sandbox = self.sandbox.clone();
        let sandbox = match self.needs_namespaces || self.user.as_ref().is_some_and(out_of_reach) {
            true => sandbox.with_user_if_isolated(),
            false => sandbox,
        };
        sandbox
            .showing_interpreter(python)
            .showing([scratch.run_folder().to_owned()])
            .reaching([scratch.run_folder().to_owned()])
            .writing([scratch.home(), scratch.tmp(), scratch.pycache()])
            .noting(scratch.path().join(NOT_ISOLATED))
    }

    /// Why migrations have no namespaces of their own, once an interpreter has started.
    pub(super) fn refused(&self, scratch: &RunDir) -> Option<String> {
        self.sandbox.clone().noting(scratch.path().join(NOT_ISOLATED)).why_not_isolated()
    }

    /// Says once which protection is missing here, when an interpreter has started.
    pub(super) fn tell(&self, scratch: &RunDir, tell: Tell<'_>) {
        self.told.call_once(|| {
            if let Some(why) = &self.as_root {
                tell(Event::Notice(why));
            }
            if let Some(why) = self.refused(scratch) {
                let what = "migrations see and reach what their user does, the network included";
                tell(Event::Reuse(&format!("{what}: {why}")));
            } else if let Some(why) = &self.open {
                let what = "migrations reach the machine's network";
                tell(Event::Reuse(&format!("{what}: {why}")));
            }
        });
    }
}
