//! `broadsheet reindex`: rebuilds the search index from the database.

use std::{io::Write, process::ExitCode};

use crate::{
    actors::workers::SearchWorker,
    app,
    config::Config,
    store::{Repositories, Store},
    telemetry,
};

pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    super::keep_to_ourselves();
    let runtime = app::work_runtime()?;
    let posts = runtime.block_on(async {
        let store = Store::open(&app::database(config), runtime.handle().clone()).await?;
        let repositories = Repositories::new(&store);
        let index = app::open_index(config, &repositories, &runtime).await?;
        let search = SearchWorker::new(repositories.search(), index);
        runtime.spawn(async move { search.rebuild().await }).await?.map_err(anyhow::Error::from)
    })?;
    writeln!(std::io::stdout(), "the search index has {posts} posts")?;
    Ok(ExitCode::SUCCESS)
}
