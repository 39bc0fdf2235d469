//! One file header of a ustar archive (POSIX.1-1988), in the one form that a package archive has.
//!
//! In: a path and a length, or 512 bytes. Out: the header, or path and length, or why not. What is read must be, byte for byte, what would
//! have been written: owner 0, mode 0644, time 0, no extension of any kind. Refuses to know files.

use super::harm::Harm;

/// The size of a header, and what every file is filled up to.
pub(super) const BLOCK: u64 = 512;
/// What the whole archive is filled up to, as `tar` does by default.
const RECORD: u64 = 20 * BLOCK;
/// The longest file of a ustar archive: eleven octal digits.
pub(super) const MAX_SIZE: u64 = (1 << 33) - 1;
const NAME: usize = 100;
const PREFIX: usize = 155;

/// The fields of a header by their names, each from one byte to the next.
const FIELDS: [(&str, usize, usize); 16] = [
    ("name", 0, 100),
    ("mode", 100, 108),
    ("owner", 108, 116),
    ("group", 116, 124),
    ("size", 124, 136),
    ("time", 136, 148),
    ("checksum", 148, 156),
    ("type", 156, 157),
    ("link name", 157, 257),
    ("magic", 257, 265),
    ("owner's name", 265, 297),
    ("group's name", 297, 329),
    ("device", 329, 337),
    ("device", 337, 345),
    ("prefix", 345, 500),
    ("filling", 500, 512),
];

/// The header of a regular file.
///
/// # Errors
/// One sentence when the format cannot hold it.
pub(super) fn header(path: &str, size: u64) -> Result<[u8; BLOCK as usize], String> {
    let (prefix, name) = split(path)
        .ok_or("a ustar archive holds paths of at most 155 bytes of folders and 100 bytes of the rest; this one is longer")?;
    if size > MAX_SIZE {
        return Err(format!("a ustar archive holds files of at most {MAX_SIZE} bytes; this one has {size}"));
    }
    let mut block = [0u8; BLOCK as usize];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    put(345, prefix.as_bytes());
    let sum = checksum(&block);
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

/// Where a path is divided between the two fields: not at all, or as late as the first field allows, as `tar` does.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME {
        return Some(("", path));
    }
    let at = path.as_bytes().iter().take(PREFIX + 1).rposition(|&b| b == b'/')?;
    let (prefix, name) = (&path[..at], &path[at + 1..]);
    (!prefix.is_empty() && !name.is_empty() && name.len() <= NAME).then_some((prefix, name))
}

/// The sum of all bytes, the checksum's own taken as spaces.
fn checksum(block: &[u8; BLOCK as usize]) -> u32 {
    block.iter().enumerate().map(|(i, b)| u32::from(if (148..156).contains(&i) { b' ' } else { *b })).sum()
}

/// How long an archive is whose last file ends at a byte: two empty blocks, filled up to whole records.
pub(super) fn whole(end: u64) -> u64 {
    (end + 2 * BLOCK).next_multiple_of(RECORD)
}

/// What is wrong with a header, and whether what follows can still be found.
pub(super) struct Wrong {
    /// The kind of damage.
    pub harm: Harm,
    /// The path, as far as it can be read.
    pub path: String,
    /// One sentence.
    pub why: String,
    /// The length of what follows, when the header can be believed that far.
    pub size: Option<u64>,
}

/// Path and length of a header.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(block: &[u8; BLOCK as usize]) -> Result<(String, u64), Wrong> {
    let until = |from: usize, to: usize| -> &[u8] {
        let field = &block[from..to];
        &field[..field.iter().position(|&b| b == 0).unwrap_or(field.len())]
    };
    let (name, prefix) = (until(0, NAME), until(345, 345 + PREFIX));
    let path = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
    let shown = String::from_utf8_lossy(&path).into_owned();
    let summed = octal(&block[148..154]) == Some(u64::from(checksum(block)));
    let size = octal(&block[124..135]).filter(|_| summed && block[135] == 0);
    let wrong = |harm, why: String| Wrong { harm, path: shown.clone(), why, size };
    if !summed {
        return Err(wrong(Harm::Archive, "its header is damaged: the checksum is not that of its bytes".into()));
    }
    if let Some((harm, what)) = kind(block[156]) {
        return Err(wrong(harm, format!("it is {what}; an archive of a package holds plain files only")));
    }
    let Some(size) = size else {
        return Err(wrong(Harm::Archive, "its size is not eleven octal digits".into()));
    };
    let Ok(path) = String::from_utf8(path) else {
        return Err(wrong(Harm::BadPath, "the name is not UTF-8".into()));
    };
    match header(&path, size) {
        Ok(right) if right == *block => Ok((path, size)),
        Ok(right) => {
            let differs = |(_, from, to): &&(&str, usize, usize)| right[*from..*to] != block[*from..*to];
            let fields: Vec<&str> = FIELDS.iter().filter(differs).map(|f| f.0).collect();
            let field = fields.iter().find(|f| **f != "checksum").or(fields.first()).copied().unwrap_or("header");
            Err(wrong(Harm::Archive, format!("its {field} is not as `quorate release --archive` writes it")))
        }
        Err(why) => Err(wrong(Harm::Archive, why)),
    }
}

/// What an entry is that is no plain file.
fn kind(flag: u8) -> Option<(Harm, &'static str)> {
    Some(match flag {
        b'0' => return None,
        b'1' => (Harm::NotRegular, "a hard link"),
        b'2' => (Harm::Symlink, "a symbolic link"),
        b'3' | b'4' => (Harm::NotRegular, "a device"),
        b'5' => (Harm::NotRegular, "a folder of its own"),
        b'6' => (Harm::NotRegular, "a pipe"),
        b'x' | b'g' => (Harm::Archive, "a PAX extension"),
        b'L' | b'K' => (Harm::Archive, "a GNU long name"),
        b'S' => (Harm::Archive, "a sparse file"),
        _ => (Harm::Archive, "of an unknown type"),
    })
}

fn octal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |n, d| (b'0'..=b'7').contains(d).then(|| n * 8 + u64::from(d - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let deep = format!("{}/{}", "d".repeat(155), "n".repeat(100));
        for (path, size) in [("a/b", 0), ("a/b", MAX_SIZE), ("ü/x y", 77), (deep.as_str(), 1)] {
            let block = header(path, size).unwrap();
            let (read_path, read_size) = read(&block).unwrap_or_else(|w| panic!("{}", w.why));
            assert_eq!((read_path.as_str(), read_size), (path, size));
        }
        assert!(header(&"n".repeat(101), 0).unwrap_err().contains("longer"));
        assert!(header(&format!("{}/{}", "d".repeat(156), "n".repeat(100)), 0).is_err());
        assert!(header("a", MAX_SIZE + 1).unwrap_err().contains("at most 8589934591 bytes"));
    }

    #[test]
    fn every_byte_of_a_header_counts() {
        let good = header(&format!("orders-1/data/{}/{}", "d".repeat(90), "n".repeat(20)), 4711).unwrap();
        for at in 0..good.len() {
            for flip in [1, 0x20, 0x80] {
                let mut bad = good;
                bad[at] ^= flip;
                assert!(read(&bad).is_err(), "byte {at} ^ {flip}");
                // Also when the checksum is made to match: then the header means another file, or nothing.
                let sum = checksum(&bad);
                bad[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
                if let (Ok(was), Ok(now)) = (read(&good), read(&bad)) {
                    assert!(was != now || bad == good, "byte {at} ^ {flip} is free");
                }
            }
        }
    }

    #[test]
    fn the_end_is_in_whole_records() {
        assert_eq!((whole(0), whole(9216), whole(9217 + 511)), (10_240, 10_240, 20_480));
    }
}
