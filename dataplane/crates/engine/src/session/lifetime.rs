//! How long a session is kept without a packet.

use core::time::Duration;

use quiver_wire::ip::protocol::{ICMP, ICMPV6, TCP, UDP};

use super::tcp_state::TcpTracker;

/// SVR's default for TCP.
const TCP_ESTABLISHED: Duration = Duration::from_secs(1900);
/// SVR's default for UDP.
const UDP_TWO_WAY: Duration = Duration::from_mins(3);
/// SVR's initial timeout: before the server has answered.
const INITIAL: Duration = Duration::from_secs(10);
const ECHO: Duration = Duration::from_secs(10);
const OTHER: Duration = Duration::from_mins(1);
/// A configured time of zero would end a session between two packets of one exchange.
const SHORTEST: Duration = Duration::from_secs(1);

/// What the idle time of a session depends on.
#[derive(Clone, Copy, Debug)]
pub struct Activity<'a> {
    /// IANA protocol number of the original packets.
    pub protocol: u8,
    /// Whether packets of both directions were seen.
    pub is_two_way: bool,
    /// State of a TCP connection.
    pub tcp: Option<&'a TcpTracker>,
    /// The service's own idle time.
    pub configured: Option<Duration>,
}

/// Idle time after which a session ends. Its deadline is the moment of its last packet plus this.
pub fn idle_timeout(activity: &Activity<'_>) -> Duration {
    let configured = activity.configured.map(|time| time.max(SHORTEST));
    match (activity.protocol, activity.tcp) {
        (TCP, Some(tracker)) => tracker.timeout(configured.unwrap_or(TCP_ESTABLISHED)),
        (TCP, None) => configured.unwrap_or(TCP_ESTABLISHED),
        (UDP, _) if !activity.is_two_way => configured.unwrap_or(INITIAL).min(INITIAL),
        (UDP, _) => configured.unwrap_or(UDP_TWO_WAY),
        (ICMP | ICMPV6, _) => configured.unwrap_or(ECHO),
        (_, _) => configured.unwrap_or(OTHER),
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::LegSide;
    use super::super::tcp_state::TcpSegment;
    use super::*;

    fn quiet(protocol: u8) -> Activity<'static> {
        Activity { protocol, is_two_way: true, tcp: None, configured: None }
    }

    #[test]
    fn each_protocol_has_its_own_idle_time() {
        let seconds = [6, 17, 1, 58, 47, 50].map(|protocol| idle_timeout(&quiet(protocol)).as_secs());
        assert_eq!(seconds, [1900, 180, 10, 10, 60, 60]);
    }

    #[test]
    fn udp_that_nobody_answered_ends_after_ten_seconds() {
        let one_way = Activity { is_two_way: false, ..quiet(17) };
        assert_eq!(idle_timeout(&one_way), Duration::from_secs(10));
        let configured = Activity { configured: Some(Duration::from_mins(10)), ..one_way };
        assert_eq!(idle_timeout(&configured), Duration::from_secs(10));
        let short = Activity { configured: Some(Duration::from_secs(5)), ..one_way };
        assert_eq!(idle_timeout(&short), Duration::from_secs(5));
    }

    #[test]
    fn idle_time_of_the_service_replaces_the_one_of_the_protocol() {
        for protocol in [6, 17, 1, 47] {
            let activity = Activity { configured: Some(Duration::from_secs(77)), ..quiet(protocol) };
            assert_eq!(idle_timeout(&activity), Duration::from_secs(77));
        }
        assert_eq!(idle_timeout(&Activity { configured: Some(Duration::ZERO), ..quiet(17) }), SHORTEST);
    }

    #[test]
    fn idle_time_of_the_service_does_not_prolong_a_tcp_connection_that_is_not_established() {
        let mut tracker = TcpTracker::new();
        tracker.observe(LegSide::Client, &TcpSegment { syn: true, seq: 1, ..TcpSegment::default() });
        let activity =
            Activity { tcp: Some(&tracker), configured: Some(Duration::from_hours(2)), ..quiet(6) };
        assert_eq!(idle_timeout(&activity), Duration::from_secs(10));
        let established = TcpTracker::mid_stream();
        let activity = Activity { tcp: Some(&established), ..activity };
        assert_eq!(idle_timeout(&activity), Duration::from_hours(2));
    }
}
