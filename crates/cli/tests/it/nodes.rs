//! Nodes that are drained and evened out, and why what stands there does.

use proto::v1::{
    CancelRebalanceResponse, CreateJoinTokenRequest, CreateJoinTokenResponse, DrainNodeResponse,
    ExplainPlacementRequest, ExplainPlacementResponse, GetNodeResponse, GetReconcileResponse,
    GiveUpNodeRequest, GiveUpNodeResponse, ListNodesResponse, Node, NodeAnswer, NodeDuty,
    NodeState, PlacedInstance, Plan, PlanAction, PlanStep, Pool, PreviewReconcileResponse,
    RebalanceNodesRequest, RebalanceNodesResponse, Reconcile, ReconcileState,
};

use crate::world::{World, stderr, stdout};

fn node(name: &str, duty: NodeDuty, instances: i32) -> Node {
    Node {
        name: name.to_owned(),
        state: NodeState::Alive.into(),
        duty: duty.into(),
        instances,
        pools: vec![Pool {
            environment: "production".to_owned(),
            stack: "api".to_owned(),
        }],
        ..Node::default()
    }
}

fn seen(node: Node) -> GetNodeResponse {
    GetNodeResponse { node: Some(node) }
}

fn drained(nodes: Vec<Node>) -> World {
    let world = World::new();
    let begun = DrainNodeResponse {
        node: Some(node("host-2", NodeDuty::Draining, 2)),
        ..DrainNodeResponse::default()
    };
    world.server.answer("NodeService/DrainNode", &begun);
    for node in nodes {
        world.server.answer("NodeService/GetNode", &seen(node));
    }
    let held = PlanStep {
        action: PlanAction::Stop.into(),
        node: "host-2".to_owned(),
        worker: "web".to_owned(),
        app: "shop".to_owned(),
        why: "2 must stay healthy, 2 are".to_owned(),
        ..PlanStep::default()
    };
    let preview = PreviewReconcileResponse {
        plan: Some(Plan {
            held: vec![held],
            ..Plan::default()
        }),
    };
    world
        .server
        .answer("ReconcileService/PreviewReconcile", &preview);
    world
}

#[test]
fn a_drain_waits_until_the_node_is_empty_and_says_what_holds_it_up() {
    let world = drained(vec![
        node("host-2", NodeDuty::Draining, 1),
        node("host-2", NodeDuty::Draining, 0),
    ]);
    let ended = world.run("nodes drain host-2").success();
    assert_eq!(stdout(&ended), "host-2 is empty\n");
    assert_eq!(
        stderr(&ended),
        "2 instances left; web of shop: 2 must stay healthy, 2 are\n\
         1 instance left; web of shop: 2 must stay healthy, 2 are\n"
    );
}

#[test]
fn a_drain_that_is_detached_is_not_waited_for() {
    let world = drained(Vec::new());
    let ended = world.run("nodes drain host-2 --detach").success();
    assert_eq!(
        stdout(&ended),
        "draining host-2, which has 2 instances; next: jockey nodes show host-2\n"
    );
}

#[test]
fn a_drain_that_somebody_ends_is_no_success() {
    let world = drained(vec![node("host-2", NodeDuty::Serving, 2)]);
    let ended = world.run("nodes drain host-2").code(1);
    let said = stderr(&ended);
    assert!(
        said.contains("somebody has ended the drain of host-2"),
        "{said}"
    );
}

#[test]
fn a_node_that_is_gone_for_good_is_given_up() {
    let world = World::new();
    let given_up = GiveUpNodeResponse {
        node: Some(node("host-2", NodeDuty::GivenUp, 0)),
        ..GiveUpNodeResponse::default()
    };
    world.server.answer("NodeService/GiveUpNode", &given_up);
    let ended = world.run("nodes give-up host-2").success();
    assert_eq!(
        stdout(&ended),
        "host-2 is given up: what it had is started elsewhere\n"
    );
    let asked: GiveUpNodeRequest = world.server.request("NodeService/GiveUpNode");
    assert_eq!((asked.node.as_str(), asked.dry_run), ("host-2", false));
}

#[test]
fn a_token_to_join_by_is_all_that_goes_to_stdout() {
    let world = World::new();
    let made = CreateJoinTokenResponse {
        token: "jj-secret".to_owned(),
        ..CreateJoinTokenResponse::default()
    };
    world.server.answer("NodeService/CreateJoinToken", &made);
    for (more, seconds) in [("", 3600), ("--ttl 10m", 600)] {
        let ended = world.run(&format!("nodes join-token {more}")).success();
        assert_eq!(stdout(&ended), "jj-secret\n", "a file of it is a token");
        assert_eq!(
            stderr(&ended),
            "this is the only time that the token is shown:\n"
        );
        let asked: Vec<CreateJoinTokenRequest> =
            world.server.requests("NodeService/CreateJoinToken");
        let asked = asked.last().and_then(|asked| asked.ttl);
        assert_eq!(
            asked.map(|ttl| (ttl.seconds, ttl.nanos)),
            Some((seconds, 0))
        );
    }
}

fn reconcile(state: ReconcileState) -> Reconcile {
    Reconcile {
        id: "rec-7".to_owned(),
        environment: "production".to_owned(),
        stack: "api".to_owned(),
        at_once: 2,
        state: state.into(),
        ..Reconcile::default()
    }
}

#[test]
fn a_pool_is_evened_out_while_one_watches() {
    let world = World::new();
    let begun = RebalanceNodesResponse {
        reconciles: vec![reconcile(ReconcileState::InProgress)],
        ..RebalanceNodesResponse::default()
    };
    world.server.answer("NodeService/RebalanceNodes", &begun);
    for (a, b) in [(3, 0), (2, 1)] {
        let nodes = ListNodesResponse {
            nodes: vec![
                node("a", NodeDuty::Serving, a),
                node("b", NodeDuty::Serving, b),
            ],
            ..ListNodesResponse::default()
        };
        world.server.answer("NodeService/ListNodes", &nodes);
    }
    let done = GetReconcileResponse {
        reconcile: Some(reconcile(ReconcileState::Completed)),
    };
    world.server.answer("ReconcileService/GetReconcile", &done);
    let ended = world
        .run("nodes rebalance production/api */gpu --max 2")
        .success();
    assert_eq!(stdout(&ended), "production/api is even\n");
    assert_eq!(
        stderr(&ended),
        "production/api: a 3, b 0\nproduction/api: a 2, b 1\n"
    );
    let asked: RebalanceNodesRequest = world.server.request("NodeService/RebalanceNodes");
    let pools: Vec<_> = asked
        .pools
        .iter()
        .map(|pool| (&*pool.environment, &*pool.stack))
        .collect();
    assert_eq!(
        (asked.at_once, pools),
        (2, vec![("production", "api"), ("", "gpu")])
    );
    world.run("nodes rebalance production").code(2);
}

#[test]
fn what_is_under_way_is_cancelled() {
    let world = World::new();
    let ended = CancelRebalanceResponse {
        reconciles: vec![reconcile(ReconcileState::Failed)],
        ..CancelRebalanceResponse::default()
    };
    world.server.answer("NodeService/CancelRebalance", &ended);
    let told = world.run("nodes rebalance --cancel").success();
    assert_eq!(stdout(&told), "production/api is left as it is\n");
}

#[test]
fn why_tells_what_stands_what_waits_and_what_each_node_says() {
    let world = World::new();
    let answer = ExplainPlacementResponse {
        instances: vec![PlacedInstance {
            instance: "ins-1".to_owned(),
            worker: "web".to_owned(),
            node: "a".to_owned(),
            why: "0 of 1 run".to_owned(),
            ..PlacedInstance::default()
        }],
        held: vec![PlanStep {
            action: PlanAction::Start.into(),
            worker: "web".to_owned(),
            why: "no node can take it: b is cordoned".to_owned(),
            ..PlanStep::default()
        }],
        nodes: vec![
            NodeAnswer {
                worker: "web".to_owned(),
                node: "a".to_owned(),
                takes: true,
                instances: 1,
                ..NodeAnswer::default()
            },
            NodeAnswer {
                worker: "web".to_owned(),
                node: "b".to_owned(),
                reason: "CORDONED".to_owned(),
                why: "is cordoned".to_owned(),
                ..NodeAnswer::default()
            },
        ],
    };
    world.server.answer("NodeService/ExplainPlacement", &answer);
    let told = world.run("nodes why -a shop -e production web").success();
    insta::assert_snapshot!(stdout(&told), @r"
INSTANCE   WORKER   NODE   WHY
ins-1      web      a      0 of 1 run

WAITS   WORKER   NODE   WHY
start   web      -      no node can take it: b is cordoned

ONE MORE   NODE   TAKES IT   WHY
web        a      yes        it has 1 instance
web        b      no         it is cordoned
");
    let asked: ExplainPlacementRequest = world.server.request("NodeService/ExplainPlacement");
    assert_eq!(
        (&*asked.app, &*asked.environment, &*asked.worker),
        ("shop", "production", "web")
    );
    let told = world
        .run("nodes why -a shop -e production -o json")
        .success();
    assert!(stdout(&told).contains("\"reason\": \"CORDONED\""));
}
