use proto::v1::{ConfigSet, ExplainConfigRequest, ExplainedVariable};

use crate::{
    context::Context,
    exit::Error,
    render::{Format, Table, json},
};

/// Where variables of an app come from: one line for each set that they stand in, the one that wins first.
pub(super) async fn run(context: &Context, names: Vec<String>) -> Result<(), Error> {
    let request = ExplainConfigRequest {
        environment: context.environment().await?,
        app: context.app().await?,
        names: names.clone(),
    };
    let answer = context.client.call(request).await?;
    if context.out.format() == Format::Json {
        return context.out.value(&json(&answer));
    }
    for name in names {
        if !answer.variables.iter().any(|known| known.name == name) {
            return Err(Error::NoVariable(name));
        }
    }
    if answer.variables.is_empty() {
        context.out.note("no variables are set");
        return Ok(());
    }
    let mut table = Table::new(["VARIABLE", "VALUE", "FROM", "VERSION", "STANDS"]);
    for variable in &answer.variables {
        for row in rows(variable) {
            table.row(row);
        }
    }
    context.out.text(&table.to_string())
}

fn rows(variable: &ExplainedVariable) -> Vec<[String; 5]> {
    if variable.sources.is_empty() {
        let stands = "taken away; what runs still has it";
        return vec![[&variable.name, "-", "-", "-", stands].map(str::to_owned)];
    }
    let row = |(at, source): (usize, &proto::v1::VariableSource)| {
        let set = source.config_set.clone().unwrap_or_default();
        let stands = match (at, variable.deployed) {
            (0, true) => "deployed",
            (0, false) => "not deployed",
            _ => "hidden",
        };
        [
            variable.name.clone(),
            source.value.clone(),
            whose(&set),
            set.version.to_string(),
            stands.to_owned(),
        ]
    };
    variable.sources.iter().enumerate().map(row).collect()
}

fn whose(set: &ConfigSet) -> String {
    match (set.app.as_str(), set.stack.as_str()) {
        ("", "") => format!("environment {}", set.environment),
        ("", stack) => format!("stack {stack}"),
        (app, _) => format!("app {app}"),
    }
}
