//! The frames of a WebSocket on their way out: a farewell may stand between two of them, and nowhere else.

/// Close frames (RFC 6455, section 5.5.1): an empty reason, and a status of the registry of section 7.4.
pub(super) const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];
pub(super) const SERVICE_RESTART: [u8; 4] = [0x88, 2, 0x03, 0xf4];

/// Follows what the owner of a socket writes; see RFC 6455, section 5.2.
#[derive(Debug, Default)]
pub(super) struct Frames(State);

#[derive(Debug, Default)]
enum State {
    /// The answer to the handshake is not out yet.
    #[default]
    Handshake,
    /// So much of the header of a frame is out.
    Header([u8; 10], usize),
    /// So much of a frame is still to come.
    Payload(u64),
    /// Nothing may follow: the owner has said goodbye himself, or this is not what it seems to be.
    Over,
}

impl Frames {
    /// Bytes are on their way.
    pub(super) fn wrote(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.0 {
                State::Handshake => {
                    // hyper writes it in one piece.
                    let is_whole =
                        bytes.starts_with(b"HTTP/1.1 101") && bytes.ends_with(b"\r\n\r\n");
                    self.0 = match is_whole {
                        true => State::Header([0; 10], 0),
                        false => State::Over,
                    };
                    return;
                }
                State::Header(header, have) => {
                    header[*have] = bytes[0];
                    *have += 1;
                    bytes = &bytes[1..];
                    if let Some(next) = after(header, *have) {
                        self.0 = next;
                    }
                }
                State::Payload(rest) => {
                    let part = usize::try_from(*rest).unwrap_or(usize::MAX);
                    let part = part.min(bytes.len());
                    bytes = &bytes[part..];
                    *rest -= part as u64;
                    if *rest == 0 {
                        self.0 = State::Header([0; 10], 0);
                    }
                }
                State::Over => return,
            }
        }
    }

    /// Whether a frame of somebody else may stand here.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.0, State::Header(_, 0))
    }
}

/// What comes after the header of a frame, if it is whole.
fn after(header: &[u8; 10], have: usize) -> Option<State> {
    if have < 2 {
        return None;
    }
    let [opcode, is_masked, short] = [header[0] & 0x0f, header[1] & 0x80, header[1] & 0x7f];
    // A server does not mask.
    if is_masked != 0 || opcode == 8 {
        return Some(State::Over);
    }
    let length = match (short, have) {
        (126, 4) => u64::from(u16::from_be_bytes([header[2], header[3]])),
        (127, 10) => {
            let mut length = [0; 8];
            length.copy_from_slice(&header[2..]);
            u64::from_be_bytes(length)
        }
        (126 | 127, _) => return None,
        (short, _) => u64::from(short),
    };
    Some(match length {
        0 => State::Header([0; 10], 0),
        length => State::Payload(length),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDSHAKE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";

    fn frame(opcode: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        match length {
            0..126 => frame.push(u8::try_from(length).expect("it is short")),
            126..65_536 => {
                frame.push(126);
                frame.extend(u16::try_from(length).expect("it is").to_be_bytes());
            }
            _ => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.resize(frame.len() + length, b'x');
        frame
    }

    #[test]
    fn only_between_two_frames_is_a_place_for_another() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = frame(2, length);
            for piece in [1, 3, 4_096, usize::MAX] {
                let mut frames = Frames::default();
                assert!(!frames.is_between());
                frames.wrote(HANDSHAKE);
                assert!(frames.is_between());
                let mut written = 0;
                for piece in frame.chunks(piece.min(frame.len())) {
                    frames.wrote(piece);
                    written += piece.len();
                    assert_eq!(frames.is_between(), written == frame.len(), "{length}");
                }
                frames.wrote(&frame);
                assert!(frames.is_between());
            }
        }
    }

    #[test]
    fn nothing_follows_a_goodbye_or_what_is_no_websocket() {
        let mut frames = Frames::default();
        frames.wrote(HANDSHAKE);
        frames.wrote(&frame(8, 2));
        assert!(!frames.is_between());
        let mut frames = Frames::default();
        frames.wrote(b"HTTP/1.1 200 OK\r\n\r\n");
        assert!(!frames.is_between());
    }
}
