// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title ERC-8056, core (interface id 0xa60bf13d): how many shares one token stands for.
/// @dev 18 decimals: 1e18 is one share. Balances stay raw; only what people are shown is scaled.
interface IERC8056 {
    event UIMultiplierUpdated(uint256 oldMultiplier, uint256 newMultiplier, uint256 effectiveAtTimestamp);

    function uiMultiplier() external view returns (uint256);
}

/// @title ERC-8056, the change ahead (interface id 0x4bd27648).
interface IERC8056Pending {
    function newUIMultiplier() external view returns (uint256);

    function effectiveAt() external view returns (uint256);
}

/// @title ERC-8056, scaled balances (interface id 0xd890fd71).
interface IERC8056Balances {
    function balanceOfUI(address account) external view returns (uint256);

    function totalSupplyUI() external view returns (uint256);
}
