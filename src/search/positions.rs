//! Log positions as the payload of a commit: `{"<epoch>": <seq>, …}`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Error;
use crate::domain::Epoch;

/// The positions as a payload.
pub(super) fn encode(positions: &BTreeMap<Epoch, u64>) -> String {
    let map: Map<String, Value> = positions.iter().map(|(epoch, seq)| (epoch.to_string(), Value::from(*seq))).collect();
    Value::Object(map).to_string()
}

/// The positions in a payload.
pub(super) fn decode(payload: &str) -> Result<BTreeMap<Epoch, u64>, Error> {
    let map: BTreeMap<String, u64> = serde_json::from_str(payload).map_err(|_| Error::Positions)?;
    let mut positions = BTreeMap::new();
    for (epoch, seq) in map {
        let epoch: Epoch = epoch.parse().map_err(|_| Error::Positions)?;
        positions.insert(epoch, seq);
    }
    Ok(positions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_the_round_trip() {
        let positions = BTreeMap::from([(Epoch::generate(), 1), (Epoch::generate(), u64::MAX)]);
        assert_eq!(decode(&encode(&positions)).unwrap(), positions);
        assert_eq!(decode("{}").unwrap(), BTreeMap::new());
    }

    #[test]
    fn anything_else_is_an_error() {
        for payload in ["", "[]", r#"{"x": 1}"#, r#"{"01ARZ3NDEKTSV4RRFFQ69G5FAV": -1}"#] {
            assert!(matches!(decode(payload), Err(Error::Positions)), "{payload}");
        }
    }
}
