//! What a scenario does to routers, and asks them.

use quiver_engine::Event;
use quiver_engine::config::Config;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::view::SessionView;

use super::Fabric;
use crate::router::Router;

impl Fabric {
    /// A router.
    pub fn router(&self, name: &str) -> &Router {
        &self.routers[self.router_index(name)]
    }

    /// A router, to change it.
    pub fn router_mut(&mut self, name: &str) -> &mut Router {
        let index = self.router_index(name);
        &mut self.routers[index]
    }

    /// Names of all routers.
    pub fn router_names(&self) -> Vec<String> {
        self.routers.iter().map(|router| router.name.clone()).collect()
    }

    /// Kills a router's engine and starts a new one at once.
    pub fn restart(&mut self, name: &str) {
        self.stop(name);
        self.start(name);
    }

    /// Kills a router's engine without a word.
    pub fn stop(&mut self, name: &str) {
        self.log.write(self.now, name, format_args!("stopped"));
        self.router_mut(name).stop();
    }

    /// Starts a router's engine anew.
    pub fn start(&mut self, name: &str) {
        self.log.write(self.now, name, format_args!("started"));
        let now = self.now;
        self.router_mut(name).start(now);
    }

    /// Swaps a router's configuration.
    pub fn reconfigure(&mut self, name: &str, change: impl FnOnce(&mut Config)) {
        self.log.write(self.now, name, format_args!("reconfigured"));
        let now = self.now;
        self.router_mut(name).reconfigure(change, now);
    }

    /// Swaps the configuration of all routers.
    pub fn reconfigure_all(&mut self, change: impl Fn(&mut Config)) {
        for name in self.router_names() {
            self.reconfigure(&name, &change);
        }
    }

    /// Packets that a router dropped for a reason.
    pub fn drops(&self, router: &str, reason: DropReason) -> u64 {
        self.router(router).drops(reason)
    }

    /// Live sessions of a router.
    pub fn sessions(&self, router: &str) -> Vec<SessionView> {
        self.router(router).sessions(self.now)
    }

    /// The only live session of a router.
    pub fn session(&self, router: &str) -> SessionView {
        let mut sessions = self.sessions(router);
        assert_eq!(sessions.len(), 1, "{router} has {} sessions", sessions.len());
        sessions.pop().expect("there is one")
    }

    /// Events of a router.
    pub fn events(&self, router: &str) -> impl Iterator<Item = &Event> {
        self.router(router).events.iter().map(|timed| &timed.event)
    }

    pub(super) fn router_index(&self, name: &str) -> usize {
        self.routers.iter().position(|router| router.name == name).expect("the router is planned")
    }
}
