//! Results in the words of another version of the specification.

use serde_json::{Map, Value};

use crate::version::Version;

/// What version 1.1.0 added to an interface and to a route.
const NEW_OF_INTERFACES: [&str; 3] = ["mtu", "socketPath", "pciID"];
const NEW_OF_ROUTES: [&str; 5] = ["mtu", "advmss", "priority", "table", "scope"];

/// The same result in that version. Everything that the version knows stays as it is.
pub(crate) fn as_version(mut result: Value, version: Version) -> Value {
    let Some(fields) = result.as_object_mut() else { return result };
    let stated = fields.get("cniVersion").and_then(Value::as_str).and_then(Version::parse);
    if stated == Some(version) {
        return result;
    }
    fields.insert("cniVersion".to_owned(), version.name().into());
    for ip in objects(fields, "ips") {
        if version >= Version::V100 {
            ip.remove("version");
        } else {
            let family =
                ip.get("address").and_then(Value::as_str).map(|a| if a.contains(':') { "6" } else { "4" });
            ip.insert("version".to_owned(), family.unwrap_or("4").into());
        }
    }
    if version < Version::V110 {
        remove_from(objects(fields, "interfaces"), &NEW_OF_INTERFACES);
        remove_from(objects(fields, "routes"), &NEW_OF_ROUTES);
    }
    result
}

fn objects<'a>(
    fields: &'a mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let list = fields.get_mut(name).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn remove_from<'a>(objects: impl Iterator<Item = &'a mut Map<String, Value>>, names: &[&str]) {
    for object in objects {
        for name in names {
            object.remove(*name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn newest() -> Value {
        json!({
            "cniVersion": "1.1.0",
            "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "mtu": 1400, "sandbox": "/run/netns/x"}],
            "ips": [{"address": "10.1.0.7/24", "interface": 0}, {"address": "fd00::7/64", "interface": 0}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1", "mtu": 1400}],
            "dns": {},
        })
    }

    #[test]
    fn a_result_of_the_same_version_stays_as_it_is() {
        let odd =
            json!({"cniVersion": "1.1.0", "ips": [{"address": "10.1.0.7/24", "version": "4"}], "x": [1]});
        assert_eq!(as_version(odd.clone(), Version::V110), odd);
    }

    #[test]
    fn an_older_version_names_the_family_and_knows_no_mtu() {
        let older = as_version(newest(), Version::V040);
        let expected = json!({
            "cniVersion": "0.4.0",
            "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/x"}],
            "ips": [
                {"address": "10.1.0.7/24", "interface": 0, "version": "4"},
                {"address": "fd00::7/64", "interface": 0, "version": "6"},
            ],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}],
            "dns": {},
        });
        assert_eq!(older, expected);
    }

    #[test]
    fn a_newer_version_does_not_name_the_family() {
        let older = as_version(newest(), Version::V031);
        let newer = as_version(older, Version::V100);
        assert_eq!(newer["ips"], newest()["ips"]);
        assert_eq!(newer["cniVersion"], "1.0.0");
    }
}
