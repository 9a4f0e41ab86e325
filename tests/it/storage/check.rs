//! `broadsheet check` finds what is wrong in a data folder, and nothing where nothing is.

use super::{newsroom, printed, run, tamper};
use crate::support::{Process, expect_line};

#[actix_web::test]
async fn nothing_is_wrong_with_what_a_server_leaves_behind() {
    let folder = tempfile::tempdir().unwrap();
    newsroom(folder.path()).await;
    let said = printed(&run(folder.path(), &["check"]).await, 0);
    assert!(said.starts_with("no problems found: ") && said.contains("4 of them posts"), "{said}");
    assert!(!said.contains("not checked"), "{said}");
    // Twice: looking changes nothing.
    assert_eq!(printed(&run(folder.path(), &["check"]).await, 0), said);
}

#[actix_web::test]
async fn nothing_is_wrong_with_what_a_killed_server_leaves_behind() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.person("ada").await;
    for number in 0..20 {
        ada.publish(&format!("Post {number}")).await;
    }
    process.kill();
    let said = printed(&run(folder.path(), &["check"]).await, 0);
    assert!(said.contains("no problems found: ") && said.contains("20 of them posts"), "{said}");
}

#[actix_web::test]
async fn every_kind_of_disagreement_is_found_and_told_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let posts = newsroom(folder.path()).await;
    let post = posts[0]["id"].as_str().unwrap();
    let author = "(SELECT VALUE author FROM post LIMIT 1)[0]";
    // What is done to the database, and what undoes it: each is looked for by itself.
    for (fault, remedy, found) in [
        (
            format!("DELETE slug WHERE post = '{post}'"),
            format!(
                "LET $p = SELECT * FROM ONLY post:`{post}`; CREATE type::record('slug', [$p.author, $p.slug]) SET post = '{post}'"
            ),
            format!("post:{post} lacks slug:"),
        ),
        (
            format!("DELETE listing WHERE id[0] = 'all' AND id[2] = '{post}'"),
            format!(
                "LET $p = SELECT * FROM ONLY post:`{post}`; CREATE type::record('listing', ['all', 0 - $p.published_at, '{post}'])"
            ),
            format!("post:{post} lacks listing:"),
        ),
        (
            "CREATE listing:['all', -5, '01JD9X8Z6Q4W7E2R5T1Y3V0P8A']".to_owned(),
            "DELETE listing:['all', -5, '01JD9X8Z6Q4W7E2R5T1Y3V0P8A']".to_owned(),
            "leads to the post 01JD9X8Z6Q4W7E2R5T1Y3V0P8A, which is not there".to_owned(),
        ),
        (
            format!("CREATE review:['review', 5, '{post}']"),
            format!("DELETE review:['review', 5, '{post}']"),
            format!("leads to the post {post}, which does not belong there"),
        ),
        (
            format!("CREATE type::record('feed', [{author}, -5, '01JD9X8Z6Q4W7E2R5T1Y3V0P8A'])"),
            "DELETE feed WHERE id[2] = '01JD9X8Z6Q4W7E2R5T1Y3V0P8A'".to_owned(),
            "leads to the post 01JD9X8Z6Q4W7E2R5T1Y3V0P8A, which is not there".to_owned(),
        ),
        (
            format!("CREATE type::record('following', [{author}, '01JD9X8Z6Q4W7E2R5T1Y3V0P8A'])"),
            "DELETE following WHERE id[1] = '01JD9X8Z6Q4W7E2R5T1Y3V0P8A'".to_owned(),
            "lacks follower:".to_owned(),
        ),
        (
            "UPDATE handle:ada SET account = '01JD9X8Z6Q4W7E2R5T1Y3V0P8A'".to_owned(),
            "UPDATE handle:ada SET account = record::id((SELECT VALUE id FROM account WHERE handle = 'ada')[0])"
                .to_owned(),
            "the handle ada leads to the account 01JD9X8Z6Q4W7E2R5T1Y3V0P8A, which is not there".to_owned(),
        ),
        (
            "UPDATE stat SET n += 1 WHERE id[1] = 'posts' AND string::starts_with(id[0], 'author:')".to_owned(),
            "UPDATE stat SET n -= 1 WHERE id[1] = 'posts' AND string::starts_with(id[0], 'author:')".to_owned(),
            "the counter posts of author:".to_owned(),
        ),
        (
            "UPDATE cursor SET settled += 1000 WHERE id[0] = 'feed'".to_owned(),
            "UPDATE cursor SET settled -= 1000 WHERE id[0] = 'feed'".to_owned(),
            "is settled up to 10".to_owned(),
        ),
        (
            format!("UPDATE post:`{post}` SET moderation = 'maybe'"),
            format!("UPDATE post:`{post}` SET moderation = 'approved'"),
            format!("post:{post}: a row cannot be read"),
        ),
        (
            "CREATE secret:strange SET seed = [1, 2]".to_owned(),
            "DELETE secret:strange".to_owned(),
            "it is not 32 bytes".to_owned(),
        ),
        (
            "UPDATE session SET rotations = 'many'".to_owned(),
            "UPDATE session SET rotations = 0".to_owned(),
            "session:".to_owned(),
        ),
    ] {
        tamper(folder.path(), &fault).await;
        let said = printed(&run(folder.path(), &["check"]).await, 1);
        assert!(said.lines().any(|line| line.contains(&found)), "after {fault}: no `{found}` in\n{said}");
        assert!(said.lines().any(|line| line.contains("found: ")), "no summary: {said}");
        assert!(!said.contains("example.com"), "addresses are nobody's business: {said}");
        tamper(folder.path(), &remedy).await;
    }
    printed(&run(folder.path(), &["check"]).await, 0);
}

#[actix_web::test]
async fn events_that_are_missing_are_found() {
    let folder = tempfile::tempdir().unwrap();
    newsroom(folder.path()).await;
    tamper(folder.path(), "DELETE event WHERE id[1] = 3").await;
    let said = printed(&run(folder.path(), &["check"]).await, 1);
    assert!(said.contains("comes behind number 2: events are missing between them"), "{said}");
}

#[actix_web::test]
async fn a_folder_in_use_or_without_a_database_is_not_looked_through() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["check"]).await;
    expect_line(&output, 1, &["there is no database in"]);
    assert!(!folder.path().join("data").exists(), "looking has made a database");
    let process = Process::start(folder.path(), &[]).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = run(elsewhere.path(), &["check", "--data-dir", data.to_str().unwrap()]).await;
    expect_line(&output, 1, &["in use by another process"]);
    process.client.get("/readyz").await.expect(200);
    assert!(process.terminate().await.0.success());
}
