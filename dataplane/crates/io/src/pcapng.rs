//! Capture files (draft-ietf-opsawg-pcapng): one section, one interface of raw IP, nanoseconds.

use std::io::{self, Write};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const LINKTYPE_RAW: u16 = 101;
const OPTION_COMMENT: u16 = 1;
const OPTION_NAME: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;
const NANOSECONDS: u8 = 9;

/// Writes a capture.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins a capture of the device `name`.
    pub fn begin(mut out: W, name: &str) -> io::Result<Self> {
        let mut section = Vec::new();
        section.extend(0x1a2b_3c4d_u32.to_le_bytes());
        section.extend(1_u16.to_le_bytes());
        section.extend(0_u16.to_le_bytes());
        section.extend(u64::MAX.to_le_bytes());
        block(&mut out, SECTION, &section)?;
        let mut interface = Vec::new();
        interface.extend(LINKTYPE_RAW.to_le_bytes());
        interface.extend(0_u16.to_le_bytes());
        interface.extend(0_u32.to_le_bytes());
        option(&mut interface, OPTION_NAME, name.as_bytes());
        option(&mut interface, OPTION_RESOLUTION, &[NANOSECONDS]);
        option(&mut interface, 0, &[]);
        block(&mut out, INTERFACE, &interface)?;
        Ok(Self { out })
    }

    /// Writes a packet with its time in nanoseconds since the Unix epoch; an empty comment is left out.
    pub fn packet(&mut self, unix_ns: u64, bytes: &[u8], comment: &str) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut body = Vec::with_capacity(bytes.len() + comment.len() + 40);
        body.extend(0_u32.to_le_bytes());
        body.extend(((unix_ns >> 32) as u32).to_le_bytes());
        body.extend((unix_ns as u32).to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(bytes);
        pad(&mut body);
        if !comment.is_empty() {
            let room = comment.floor_char_boundary(usize::from(u16::MAX) - 3);
            option(&mut body, OPTION_COMMENT, comment.get(..room).unwrap_or_default().as_bytes());
            option(&mut body, 0, &[]);
        }
        block(&mut self.out, PACKET, &body)
    }

    /// Ends the capture.
    pub fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 12).map_err(|_| io::ErrorKind::InvalidInput)?;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&length.to_le_bytes())
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds and bodies of all blocks; checks both lengths.
    fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let mut found = Vec::new();
        while !file.is_empty() {
            let length = word(file, 4) as usize;
            assert_eq!(length % 4, 0);
            assert_eq!(word(file, length - 4) as usize, length);
            found.push((word(file, 0), file[8..length - 4].to_vec()));
            file = &file[length..];
        }
        found
    }

    #[test]
    fn capture_holds_section_interface_and_packets_with_comments() {
        let mut file = Vec::new();
        let mut writer = Writer::begin(&mut file, "quiver0").unwrap();
        writer.packet(0x1_0000_0002, &[0x45, 1, 2], "forward metadata").unwrap();
        writer.packet(3, &[0x60; 8], "").unwrap();
        writer.finish().unwrap();
        let blocks = blocks(&file);
        assert_eq!(blocks.iter().map(|b| b.0).collect::<Vec<_>>(), [SECTION, INTERFACE, PACKET, PACKET]);
        let first = &blocks[2].1;
        assert_eq!(first[4..12], [1, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(first[12..20], [3, 0, 0, 0, 3, 0, 0, 0]);
        assert_eq!(first[20..24], [0x45, 1, 2, 0]);
        assert_eq!(first[24..28], [1, 0, 16, 0]);
        assert_eq!(&first[28..44], b"forward metadata");
        assert_eq!(first[44..], [0; 4]);
        assert_eq!(blocks[3].1.len(), 20 + 8);
    }
}
