//! `move_to_game`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, Model, Settings, User, lenient};

/// `move_to_game`: the user moves items from Xsolla's Backpack, an inventory outside the game, into the game.
///
/// Described in the documentation of Backpack, of which there are two forms; the older one has the last three fields
/// instead of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct MoveToGame {
    /// Which project it belongs to.
    pub settings: Option<Settings>,
    /// Who moves items.
    pub user: Option<User>,
    /// The items.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(schema_with = "lenient::list_schema::<MovedItem>")]
    pub items: Vec<MovedItem>,
    /// Older form: the project.
    pub project_id: Option<Id>,
    /// Older form: the game's id of the user.
    pub game_player_id: Option<Id>,
    /// Older form: the item.
    pub item_id: Option<Id>,
}

impl Model for MoveToGame {
    const TYPE: &'static str = "move_to_game";
}

/// One of `items` of a `move_to_game`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct MovedItem {
    /// Backpack's id of the item.
    pub id: Option<Id>,
    /// The item.
    pub sku: Option<Id>,
    /// What kind of item.
    #[serde(rename = "type")]
    pub item_type: Option<MovedItemType>,
    /// How many units.
    #[serde(deserialize_with = "lenient::count")]
    #[schemars(schema_with = "lenient::count_schema")]
    pub quantity: Option<u64>,
}

open_enum! {
    /// What kind of item is moved (`items[].type`). Orders have [other words](super::ItemType).
    pub enum MovedItemType {
        /// An item in the game.
        VirtualItem = "virtual_item",
        /// The game's own currency.
        VirtualCurrency = "virtual_currency",
    }
}
