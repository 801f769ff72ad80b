// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EtfTokenBooks} from "../src/EtfTokenBooks.sol";

/// @dev Gives the compiler a variable whose places it can report: storage-layout.json is made of it.
contract Layout is EtfTokenBooks {
    EtfTokenStorage internal books;
}
