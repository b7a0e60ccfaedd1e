//! Metadata of a captured packet in words. What is sealed stays so: a capture holds no keys.

use core::fmt::Write as _;

use quiver_engine::SessionUuid;
use quiver_wire::metadata::contexts::{AddressPair, Context};

use quiver_wire::metadata::{HeaderTlvs, Message, Packet, PayloadTlvs};
use quiver_wire::parse::{Parsed, Transport};

/// The metadata in front of the payload of a packet between routers; `None` when there is none.
pub(crate) fn metadata(packet: &[u8]) -> Option<String> {
    let parsed = Parsed::parse(packet).ok()?;
    if !matches!(parsed.transport, Transport::Tcp | Transport::Udp) {
        return None;
    }
    let found = Packet::new_checked(parsed.payload(packet)).ok()?;
    let mut words = Words(String::from("SVR metadata"));
    match HeaderTlvs::parse(found.header_tlvs()) {
        Ok(header) => words.header(&header),
        Err(error) => words.add("malformed header", &error),
    }
    match Message::parse(&found) {
        Ok(message) if !found.payload().is_empty() => words.payload(&message.payload),
        Ok(_) => {}
        Err(_) => words.add("payload", &format_args!("{} bytes sealed", found.payload_len())),
    }
    Some(words.0)
}

struct Words(String);

impl Words {
    fn add(&mut self, name: &str, value: &impl core::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, ", {name} {value}");
    }

    fn header(&mut self, header: &HeaderTlvs) {
        if let Some(version) = header.security_id {
            self.add("key version", &version);
        }
        if let Some(control) = header.control {
            self.add("control", &format_args!("{control:?}"));
        }
        if let Some(check) = header.health_check {
            self.add("health check", &format_args!("{check:?}"));
        }
        if header.disable_forward_metadata {
            self.add("asks for", &"no more forward metadata");
        }
        if header.metadata_only {
            self.add("metadata", &"only");
        }
        if let Some(hops) = header.hop_count {
            self.add("hop", &hops);
        }
        if let Some(context) = header.security_context {
            self.add("boot id", &format_args!("{:016x}", context.boot_id));
            self.add("nonce", &format_args!("{:08x}:{}", context.serial, context.counter));
        }
    }

    fn payload(&mut self, payload: &PayloadTlvs<'_>) {
        for (name, context) in [("forward", payload.forward), ("reverse", payload.reverse)] {
            if let Some(context) = context {
                self.context(name, &context);
            }
        }
        if let Some(id) = payload.session_id {
            self.add("session", &SessionUuid(id));
        }
        let names = [
            ("tenant", payload.tenant),
            ("service", payload.service),
            ("from router", payload.source_router),
            ("to router", payload.destination_router),
            ("path", payload.peer_path),
        ];
        for (name, value) in names {
            if let Some(value) = value {
                self.add(name, &value);
            }
        }
        if payload.session_encrypted {
            self.add("session", &"sealed");
        }
    }

    fn context(&mut self, name: &str, context: &Context) {
        let (src, dst) = match context.addresses {
            AddressPair::V4 { src, dst } => (src.to_string(), dst.to_string()),
            AddressPair::V6 { src, dst } => (format!("[{src}]"), format!("[{dst}]")),
        };
        let (from, to, protocol) = (context.src_port, context.dst_port, context.protocol);
        self.add(name, &format_args!("{src}:{from} > {dst}:{to} protocol {protocol}"));
    }
}

#[cfg(test)]
mod tests {
    use quiver_wire::metadata::control::ControlCode;

    use super::*;

    /// A UDP packet between waypoints with `payload`.
    fn udp(payload: &[u8]) -> Vec<u8> {
        let total = 28 + payload.len() as u16;
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 203, 0, 113, 1];
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        packet.extend(16_384_u16.to_be_bytes());
        packet.extend(16_385_u16.to_be_bytes());
        packet.extend((total - 20).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(payload);
        packet
    }

    fn message(message: &Message<'_>) -> Vec<u8> {
        let mut bytes = vec![0; message.buffer_len(0)];
        message.emit(0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn readable_metadata_is_told_with_names_and_tuple() {
        let addresses = AddressPair::V4 { src: [10, 1, 0, 2].into(), dst: [198, 18, 0, 17].into() };
        let context = Context { addresses, src_port: 40_000, dst_port: 443, protocol: 6 };
        let header = HeaderTlvs { security_id: Some(1), hop_count: Some(0), ..HeaderTlvs::default() };
        let payload = PayloadTlvs {
            forward: Some(context),
            session_id: Some([0xab; 16]),
            tenant: Some("staff"),
            service: Some("prod/db"),
            ..PayloadTlvs::default()
        };
        let told = metadata(&udp(&message(&Message { header, payload }))).unwrap();
        assert_eq!(
            told,
            "SVR metadata, key version 1, hop 0, forward 10.1.0.2:40000 > 198.18.0.17:443 protocol 6, \
             session abababab-abab-abab-abab-abababababab, tenant staff, service prod/db"
        );
    }

    #[test]
    fn keep_alive_is_told_by_its_name() {
        let header = HeaderTlvs {
            security_id: Some(1),
            control: Some(ControlCode::KeepAlive),
            ..HeaderTlvs::default()
        };
        let payload = PayloadTlvs { session_id: Some([0xab; 16]), ..PayloadTlvs::default() };
        let told = metadata(&udp(&message(&Message { header, payload }))).unwrap();
        assert_eq!(
            told,
            "SVR metadata, key version 1, control KeepAlive, session abababab-abab-abab-abab-abababababab"
        );
    }

    #[test]
    fn packet_without_metadata_is_not_described() {
        assert_eq!(metadata(&udp(b"just some payload")), None);
        assert_eq!(metadata(&[0x45, 0, 0]), None);
    }
}
