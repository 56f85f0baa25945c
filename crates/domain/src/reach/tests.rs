use super::*;

#[test]
fn every_class_of_addresses_inside_is_known() {
    for (text, want) in [
        ("0.0.0.0", Some(Inside::Unspecified)),
        ("0.1.2.3", Some(Inside::Reserved)),
        ("127.0.0.1", Some(Inside::Loopback)),
        ("127.255.255.254", Some(Inside::Loopback)),
        ("169.254.169.254", Some(Inside::LinkLocal)),
        ("169.254.170.2", Some(Inside::LinkLocal)),
        ("168.63.129.16", Some(Inside::LinkLocal)),
        ("168.63.129.17", None),
        ("10.0.0.1", Some(Inside::Private)),
        ("172.15.255.255", None),
        ("172.16.0.1", Some(Inside::Private)),
        ("172.31.255.255", Some(Inside::Private)),
        ("172.32.0.0", None),
        ("192.168.1.1", Some(Inside::Private)),
        ("100.63.255.255", None),
        ("100.64.0.1", Some(Inside::Shared)),
        ("100.100.100.200", Some(Inside::Shared)),
        ("100.127.255.255", Some(Inside::Shared)),
        ("100.128.0.0", None),
        ("192.0.0.192", Some(Inside::Reserved)),
        ("192.0.2.1", Some(Inside::Reserved)),
        ("198.51.100.1", Some(Inside::Reserved)),
        ("203.0.113.1", Some(Inside::Reserved)),
        ("192.88.99.1", Some(Inside::Reserved)),
        ("198.18.0.1", Some(Inside::Reserved)),
        ("198.19.255.255", Some(Inside::Reserved)),
        ("224.0.0.1", Some(Inside::Multicast)),
        ("239.255.255.255", Some(Inside::Multicast)),
        ("240.0.0.1", Some(Inside::Reserved)),
        ("255.255.255.255", Some(Inside::Broadcast)),
        ("8.8.8.8", None),
        ("140.82.112.3", None),
        ("::", Some(Inside::Unspecified)),
        ("::1", Some(Inside::Loopback)),
        ("::ffff:127.0.0.1", Some(Inside::Loopback)),
        ("::ffff:169.254.169.254", Some(Inside::LinkLocal)),
        ("::ffff:8.8.8.8", None),
        ("::ffff:0:10.0.0.1", Some(Inside::Private)),
        ("::10.0.0.1", Some(Inside::Private)),
        ("64:ff9b::7f00:1", Some(Inside::Loopback)),
        ("64:ff9b::808:808", None),
        ("64:ff9b:1::1", Some(Inside::Reserved)),
        ("2002:7f00:1::", Some(Inside::Loopback)),
        ("2002:a9fe:a9fe::1", Some(Inside::LinkLocal)),
        ("2002:808:808::1", None),
        ("fe80::1", Some(Inside::LinkLocal)),
        ("febf::1", Some(Inside::LinkLocal)),
        ("fec0::1", Some(Inside::Private)),
        ("fc00::1", Some(Inside::Private)),
        ("fd00:ec2::254", Some(Inside::Private)),
        ("ff02::1", Some(Inside::Multicast)),
        ("2001::1", Some(Inside::Reserved)),
        ("2001:10::1", Some(Inside::Reserved)),
        ("2001:20::1", Some(Inside::Reserved)),
        ("2001:db8::1", Some(Inside::Reserved)),
        ("3fff::1", Some(Inside::Reserved)),
        ("100::1", Some(Inside::Reserved)),
        ("4000::1", Some(Inside::Reserved)),
        ("2001:4860:4860::8888", None),
        ("2606:50c0:8000::154", None),
    ] {
        assert_eq!(inside(text.parse().unwrap()), want, "{text}");
    }
}

#[test]
fn exceptions_reach_as_far_as_they_say() {
    let reach: Reach = ["10.1.0.0/16", "127.0.0.1", "fd00::/8", "Hooks.Internal."]
        .map(|text| text.parse().unwrap())
        .into_iter()
        .collect();
    for (text, allowed) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("10.2.0.1", false),
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("::1", false),
        ("fd12::1", true),
        ("fc00::1", false),
        ("8.8.8.8", true),
    ] {
        let forbidden = reach.forbids(text.parse().unwrap());
        assert_eq!(forbidden.is_none(), allowed, "{text}");
    }
    assert!(reach.allows_host("hooks.internal"));
    assert!(reach.allows_host("HOOKS.INTERNAL."));
    assert!(!reach.allows_host("a.hooks.internal"));
    let all: Reach = [Exception::from_str("0.0.0.0/0").unwrap()]
        .into_iter()
        .collect();
    assert_eq!(all.forbids("169.254.169.254".parse().unwrap()), None);
    assert!(all.forbids("::1".parse().unwrap()).is_some());
}

#[test]
fn what_is_neither_a_network_nor_a_host_is_refused() {
    for text in [
        "",
        "10.0.0.0/33",
        "fd00::/129",
        "10.0.0/8",
        "a b",
        "http://x",
        "0x7f.1",
        "127.1",
    ] {
        let error = text.parse::<Exception>().unwrap_err().to_string();
        assert!(error.contains("neither a network nor a host"), "{text}");
    }
}

#[test]
fn numbers_in_disguise_are_known() {
    for (host, want) in [
        ("2130706433", true),
        ("0177.0.0.1", true),
        ("0x7f000001", true),
        ("0x7f.0.0.0x1", true),
        ("127.1", true),
        ("127.0.0.1.", true),
        ("example.com", false),
        ("1.example", false),
        ("0xyz.example", false),
        ("3com.com", false),
    ] {
        assert_eq!(is_number(host), want, "{host}");
    }
}
