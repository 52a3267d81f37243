//! Prints the JSON Schema of the message. `shared/message/schema.json` is its output.

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&message::schema())?);
    Ok(())
}
