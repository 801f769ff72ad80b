// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cheats} from "./Vm.sol";
import {EtfToken} from "../src/EtfToken.sol";
import {EtfTokenProxy} from "../src/EtfTokenProxy.sol";
import {IEtfToken} from "../src/IEtfToken.sol";

/// @dev A token behind its proxy, with one address per role.
abstract contract Deployed is Cheats {
    uint256 internal constant ATTESTOR_KEY = 0xA11CE;
    uint256 internal constant START = 1_800_000_000;
    uint40 internal constant EXPIRY = 1_900_000_000;
    uint16 internal constant SWITZERLAND = 756;
    uint16 internal constant CHINA = 156;
    uint96 internal constant DAILY_LIMIT = 5_000 ether;
    uint8 internal constant PERMITTED = 1;
    uint8 internal constant FROZEN = 2;
    uint8 internal constant PROTOCOL = 4;

    address internal admin = address(0xAD);
    address internal issuer = address(0x155);
    address internal compliance = address(0xC0);
    address internal pauser = address(0xFA);
    address internal upgrader = address(0x0B);
    address internal attestor;
    address internal alice = address(0xA1);
    address internal bob = address(0xB0);
    address internal stranger = address(0x57);

    EtfToken internal token;

    function open() internal {
        vm.warp(START);
        attestor = vm.addr(ATTESTOR_KEY);
        token = EtfToken(address(new EtfTokenProxy(address(new EtfToken()), initialization())));
        register(alice, SWITZERLAND, EXPIRY, PERMITTED);
        register(bob, SWITZERLAND, EXPIRY, PERMITTED);
        attest(1_000 ether, uint40(START - 10));
    }

    function initialization() internal view returns (bytes memory) {
        IEtfToken.RoleGrant[] memory grants = new IEtfToken.RoleGrant[](6);
        grants[0] = IEtfToken.RoleGrant(bytes32(0), admin);
        grants[1] = IEtfToken.RoleGrant(keccak256("ISSUER"), issuer);
        grants[2] = IEtfToken.RoleGrant(keccak256("ATTESTOR"), attestor);
        grants[3] = IEtfToken.RoleGrant(keccak256("COMPLIANCE"), compliance);
        grants[4] = IEtfToken.RoleGrant(keccak256("PAUSER"), pauser);
        grants[5] = IEtfToken.RoleGrant(keccak256("UPGRADER"), upgrader);
        return abi.encodeCall(
            EtfToken.initialize, ("Sharemint IBIT", "sIBIT", 26 * 60, DAILY_LIMIT, countries(CHINA), grants)
        );
    }

    function countries(uint16 country) internal pure returns (uint16[] memory list) {
        list = new uint16[](1);
        list[0] = country;
    }

    function register(address account, uint16 country, uint40 expiry, uint8 flags) internal {
        vm.prank(compliance);
        token.setHolders(entry(account, country, expiry, flags));
    }

    function entry(address account, uint16 country, uint40 expiry, uint8 flags)
        internal
        pure
        returns (IEtfToken.HolderEntry[] memory list)
    {
        list = new IEtfToken.HolderEntry[](1);
        list[0] = IEtfToken.HolderEntry(account, country, expiry, flags);
    }

    function one(uint64 id, address account, uint96 amount) internal pure returns (IEtfToken.Order[] memory list) {
        list = new IEtfToken.Order[](1);
        list[0] = IEtfToken.Order(id, account, amount);
    }

    function mint(uint64 id, address account, uint96 amount) internal {
        vm.prank(issuer);
        token.mintBatch(one(id, account, amount));
    }

    function attest(uint256 shares, uint40 asOf) internal {
        token.attest(shares, asOf, "report", attestor, signed(shares, asOf, ATTESTOR_KEY));
    }

    function digest(uint256 shares, uint40 asOf) internal view returns (bytes32) {
        bytes32 struct_ = keccak256(
            abi.encode(
                keccak256("Attestation(uint256 shares,uint40 asOf,bytes32 reportHash)"), shares, asOf, bytes32("report")
            )
        );
        return keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), struct_));
    }

    function signed(uint256 shares, uint40 asOf, uint256 key) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest(shares, asOf));
        return abi.encodePacked(r, s, v);
    }

    function request(address account, uint64 id, uint256 amount) internal {
        vm.prank(account);
        token.requestRedeem(amount, id);
    }

    function refuses(bytes memory reason) internal {
        vm.expectRevert(reason);
    }

    function lacks(address account, bytes32 role) internal {
        refuses(abi.encodeWithSignature("AccessControlUnauthorizedAccount(address,bytes32)", account, role));
    }
}
