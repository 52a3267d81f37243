//! `move_to_game`.

use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, Model, Settings, User, lenient};

/// `move_to_game`: the user moves items from Xsolla's Backpack, an inventory outside the game, into the game.
///
/// Documented with Backpack, in two forms. The older one has the last three fields instead of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct MoveToGame {
    /// The project.
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<User>,
    /// The items.
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<MovedItem>"))]
    pub items: Vec<MovedItem>,
    /// Older form: the project.
    pub project_id: Option<Id>,
    /// Older form: the game's id of the user.
    pub game_player_id: Option<Id>,
    /// Older form: the id of the item.
    pub item_id: Option<Id>,
}

impl Model for MoveToGame {
    const TYPE: &'static str = "move_to_game";
}

/// One of `items` of a `move_to_game`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct MovedItem {
    /// Backpack's id of the item.
    pub id: Option<Id>,
    /// The SKU.
    pub sku: Option<Id>,
    /// The kind of item.
    #[serde(rename = "type")]
    pub item_type: Option<MovedItemType>,
    /// The number of units.
    #[serde(deserialize_with = "lenient::count")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::count_schema"))]
    pub quantity: Option<u64>,
}

open_enum! {
    /// The kind of a moved item (`items[].type`). Orders have [other values](super::ItemType).
    pub enum MovedItemType {
        /// A virtual item.
        VirtualItem = "virtual_item",
        /// The game's own currency.
        VirtualCurrency = "virtual_currency",
    }
}
