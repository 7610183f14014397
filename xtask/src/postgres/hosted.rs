//! Private servers, each in a folder of its own, on copies of one data directory.

use std::sync::Arc;

use anyhow::Result;
use nix::unistd::User;

use super::binaries::Binaries;
use super::cluster::server_user;
use super::cluster::{self, Cluster, Setup};
use super::data_dir::DataDir;
use super::endpoint::Endpoint;
use super::server::Server;
use crate::os::interrupt::Interrupt;
use crate::os::run_dir::RunDir;
use crate::os::sandbox::network::PrivateNetwork;
use crate::os::store::Store;
use model::event::Tell;

/// A private server with the folder that it lives in, which goes after it.
pub struct Hosted {
    /// The server.
    pub server: Server,
    /// Its folder.
    pub scratch: RunDir,
}

/// Makes private servers.
#[derive(Clone)]
pub struct ServerFactory {
    /// Whose servers they are.
    pub binaries: Binaries,
    user: Option<User>,
    /// A data directory that was never started.
    template: DataDir,
    /// The network of those that listen on loopback; `None`: the machine's.
    network: Option<Arc<PrivateNetwork>>,
    /// The folder that holds the template, where no cache does.
    _holds: Arc<Option<RunDir>>,
}

impl ServerFactory {
    /// A factory that copies a fresh data directory, from the cache where there is one.
    pub fn new(
        binaries: Binaries,
        network: Option<Arc<PrivateNetwork>>,
        cache: Option<&Store>,
        interrupt: &Interrupt,
        tell: Tell<'_>,
    ) -> Result<ServerFactory> {
        let user = server_user()?;
        let scratch = RunDir::new(user.as_ref())?;
        let (binary, owner) = (&binaries, user.as_ref());
        let setup = Setup {
            binaries: binary,
            user: owner,
            scratch: &scratch,
            endpoint: None,
            network: None,
            interrupt,
            tell,
        };
        let (template, is_kept) = cluster::prepare(&setup, cache)?;
        let holds = Arc::new((!is_kept).then_some(scratch));
        Ok(ServerFactory { binaries, user, template, network, _holds: holds })
    }

    /// A server on a copy of a data directory, or of the one that was never started, with further lines
    /// in its `postgresql.conf`; on loopback too, where that is asked for.
    pub fn start(
        &self,
        on: Option<&DataDir>,
        (conf, listens): (Option<&str>, bool),
        interrupt: &Interrupt,
        tell: Tell<'_>,
    ) -> Result<Hosted> {
        let scratch = RunDir::new(self.user.as_ref())?;
        let (binaries, user) = (&self.binaries, self.user.as_ref());
        let network = self.network.as_deref();
        let port = network.map(PrivateNetwork::port);
        let listening = listens.then(|| Endpoint::local_with_host(scratch.path(), port));
        let listening = listening.transpose()?;
        let endpoint = listening.as_ref();
        let setup = Setup { binaries, user, scratch: &scratch, endpoint, network, interrupt, tell };
        let cluster = Cluster::start_on(&setup, on.unwrap_or(&self.template), conf)?;
        Ok(Hosted { server: Server::Local(cluster), scratch })
    }
}
